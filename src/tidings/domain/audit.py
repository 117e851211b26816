"""The audit trail: who changed what about an account, when and from where. Pure values and functions.

What a `Unit` changes is written down by the store itself, in the same transaction, from the rows before and after (`Act` says who did
it); so no service can leave an entry out. What changes no row of ours (a sign-in, an export) is an entry that a service makes.
Consent has a ledger of its own (`domain.model.LedgerEntry`). Secrets are never written down, only that they are set or were changed.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from tidings.domain.model import (
    NO_ID,
    AccessKey,
    Account,
    AccountId,
    Origin,
    Subscription,
    Template,
    Topic,
    User,
)
from tidings.domain.optout import BlockingRule, InboundAddress, SmsApplication
from tidings.domain.texts import SmsSign, SmsTemplate

VALUE_CHARACTERS_MAX = 40_000
"""Of one value; longer ones are cut and say so. An access policy has at most 30 KiB."""

SECRET_SET = "****"  # noqa: S105
SECRET_CHANGED = "**** (changed)"  # noqa: S105
_SECRET = re.compile(r"secret|passw|token|credential|authorization|api.?key", re.IGNORECASE)
_USER_INFO = re.compile(r"(?<=://)([^/?#\s@:]{0,256}):[^/?#\s@]{1,1024}@")


class Action(enum.StrEnum):
    """What was done. A change of a row is `KIND.create`, `KIND.change` or `KIND.delete` besides these."""

    SIGN_IN = "sign-in"
    SIGN_IN_FAILED = "sign-in.failed"
    SIGN_OUT = "sign-out"
    SESSION_END = "session.end"
    OPT_OUT = "opt-out.add"
    OPT_OUT_LIFT = "opt-out.lift"
    OPT_OUT_IMPORT = "opt-out.import"
    REVIEW = "review.decide"
    RESEND = "dead-letter.resend"
    EXPORT = "export"
    BACKUP = "backup"
    RESTORE = "restore"
    RESET = "reset"
    PROVISION = "provision"


@dataclass(frozen=True, slots=True)
class Act:
    """Who made a unit's changes, from where, and when."""

    at: datetime
    origin: Origin


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act. Append-only. `id` is given by the store and grows.

    `account_id`: whose thing it is about; the actor's own account is in `origin.principal`. `subject`: what it is about, in words of
    the field (a topic's region and name, a user's name). `before`, `after`: what differs, by name; of a new thing only `after`.
    `count`: how many alike this entry stands for.
    """

    account_id: AccountId
    at: datetime
    action: str
    subject: str
    origin: Origin
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)
    detail: str = ""
    count: int = 1
    id: int = NO_ID


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which entries to list: ascending by id, starting after `after`; or, with `before`, newest first from below that id.

    `actions`: each an action, or the part before its dot (`topic`); empty: any. `principal`: exactly this one, or its last part (a
    user's name). `text`: contained in the subject, ignoring the case of ASCII letters. `until` is exclusive.
    """

    account_id: AccountId | None
    actions: Sequence[str] = ()
    principal: str | None = None
    text: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: int = 0
    before: int | None = None
    limit: int = 100


Audited = (
    Account
    | User
    | AccessKey
    | Topic
    | Subscription
    | Template
    | InboundAddress
    | SmsApplication
    | BlockingRule
    | SmsSign
    | SmsTemplate
)
"""What is written down when it changes."""


def change(act: Act, before: Audited | None, after: Audited | None) -> AuditEntry | None:
    """The entry for a row that was made (no `before`), changed or removed (no `after`); None when nothing differs, or when there was
    nothing to remove."""
    shown = after if after is not None else before
    if shown is None:
        return None
    old, new = facts(before), facts(after)
    if before is not None and after is not None:
        differing = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        if not differing:
            return None
        old, new = _only(old, differing), _only(new, differing)
    for name in new:
        if isinstance(new[name], Sealed):
            new[name] = SECRET_CHANGED if name in old else SECRET_SET
    old = {name: SECRET_SET if isinstance(value, Sealed) else value for name, value in old.items()}
    did = "create" if before is None else "delete" if after is None else "change"
    if isinstance(before, InboundAddress) and isinstance(after, InboundAddress):
        gone, is_gone = before.deleted_at is not None, after.deleted_at is not None
        did = did if gone == is_gone else "delete" if is_gone else "create"
    kind, subject = naming(shown)
    return AuditEntry(shown.account_id, act.at, f"{kind}.{did}", subject, act.origin, _cut(old), _cut(new))


class Sealed(str):
    """A value that is compared and never shown."""

    __slots__ = ()


def naming(value: Audited) -> tuple[str, str]:
    """The kind of a thing, and which one it is."""
    match value:
        case Account():
            return "account", value.name
        case User():
            return "user", value.name
        case AccessKey():
            return "access-key", value.key_id
        case Topic():
            return "topic", f"{value.region}/{value.name}"
        case Subscription():
            return "subscription", f"{value.protocol} {_masked(value.endpoint)} ({value.uid})"
        case Template():
            return "template", f"{value.name}/{value.protocol}"
        case InboundAddress():
            return "inbound-address", value.address
        case SmsApplication():
            return "sms-application", value.app_id
        case BlockingRule():
            return "blocking-rule", f"{value.address}/{value.app_id}"
        case SmsSign():
            return "sms-sign", f"{value.id} {value.content}"
        case _:
            return "sms-template", f"{value.id} {value.name}"


def facts(value: Audited | None) -> dict[str, str]:
    """What is compared and shown of a thing, without what is empty; secrets are `Sealed`."""
    if value is None:
        return {}
    return {name: told for name, told in _facts(value).items() if told}


def _facts(value: Audited) -> dict[str, str]:
    match value:
        case Account():
            return {"name": value.name, "project_id": value.project_id}
        case User():
            return {
                "role": value.role.value,
                "password": Sealed(value.password_hash),
                "disabled": _yes(value.disabled),
                "actions": ", ".join(value.actions),
            }
        case AccessKey():
            return {
                "user": value.user,
                "secret": Sealed(value.sealed_secret.hex()),
                "disabled": _yes(value.disabled),
            }
        case Topic():
            tags = {f"tag {name}": text or "(empty)" for name, text in value.tags.items()}
            return {"display_name": value.display_name, **_settings(value.settings), **tags}
        case Subscription():
            kept = {"authenticate_on_unsubscribe": _yes(value.auth_on_unsubscribe)}
            return {**_settings(value.settings), **kept}
        case Template():
            return {"content": value.content}
        case SmsApplication():
            return {"sender": value.sender, **_settings(value.settings)}
        case BlockingRule():
            return {"types": ", ".join(kind.name.lower() for kind in sorted(value.types))}
        case InboundAddress():
            keywords = {f"{name.value} keywords": ", ".join(words) for name, words in value.keywords.items()}
            replies = {f"{name.value} reply": text for name, text in value.replies.items()}
            named = {"kind": value.kind.value, "country": value.country, "description": value.description}
            return {**named, **keywords, **replies, "deleted": _yes(value.deleted_at is not None)}
        case SmsSign():
            kinds = {"kind": str(value.kind or ""), "document": str(value.document or "")}
            return {"content": value.content, **kinds, **_reviewed(value)}
        case _:
            named = {"name": value.name, "content": value.content, "type": value.sms_type.name.lower()}
            return {**named, **_reviewed(value)}


def _reviewed(value: SmsSign | SmsTemplate) -> dict[str, str]:
    return {
        "reach": value.reach.name.lower(),
        "review": value.review.name.lower(),
        "review_reply": value.review_reply,
        "remark": value.remark,
    }


def _settings(settings: Mapping[str, str]) -> dict[str, str]:
    return {name: Sealed(text) if _SECRET.search(name) and text else _masked(text) for name, text in settings.items()}


def _masked(text: str) -> str:
    """A text without the passwords of the URLs in it."""
    return _USER_INFO.sub(r"\1:****@", text) if "://" in text else text


def _yes(whether: bool) -> str:
    return "yes" if whether else ""


def _only(told: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    return {name: told[name] for name in names if name in told}


def _cut(told: Mapping[str, str]) -> dict[str, str]:
    return {
        name: text
        if len(text) <= VALUE_CHARACTERS_MAX
        else f"{text[:VALUE_CHARACTERS_MAX]} (cut: {len(text)} characters)"
        for name, text in told.items()
    }


def counted(entry: AuditEntry, count: int) -> AuditEntry:
    """The same entry standing for that many."""
    return replace(entry, count=count)
