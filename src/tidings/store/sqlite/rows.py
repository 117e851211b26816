"""Rows to values of the domain and back.

Called by the other modules of this package. Times are microseconds since 1970 in the database, so that a value read equals the
value written; maps are JSON text. Equal maps of read rows are one shared object: millions of subscriptions have a handful
of different settings. Whoever reads a map never changes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from tidings.domain.model import (
    AccessKey,
    Account,
    ConfirmationRequest,
    Delivery,
    DeliveryState,
    Event,
    LedgerEntry,
    Message,
    Origin,
    RequestEvent,
    Role,
    State,
    Subscriber,
    Subscription,
    Template,
    Token,
    TokenPurpose,
    Topic,
    User,
    Way,
)
from tidings.domain.passwords import masked
from tidings.domain.provisioned import Credential, Provisioned, Source
from tidings.domain.sessions import Session
from tidings.store.sqlite.database import Row

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_STATES = {state.value: state for state in State}
_decode_map = msgspec.json.Decoder(dict[str, str]).decode
_encode_map = msgspec.json.Encoder(order="sorted").encode
_decode_patterns = msgspec.json.Decoder(tuple[str, ...]).decode
encode_message = msgspec.msgpack.Encoder().encode
decode_message = msgspec.msgpack.Decoder(Message).decode


def json_array(values: Sequence[object]) -> str:
    """For json_each."""
    return msgspec.json.encode(list(values)).decode()


def micros(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def micros_or_none(at: datetime | None) -> int | None:
    return None if at is None else (at - _EPOCH) // _MICROSECOND


def moment(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


def moment_or_none(us: int | None) -> datetime | None:
    return None if us is None else _EPOCH + timedelta(microseconds=us)


def map_text(values: Mapping[str, str]) -> str:
    return _encode_map(values).decode() if values else "{}"


class Maps:
    """Decoded maps by their text: equal texts give the same object."""

    _KEPT_MAX = 20_000  # texts; when there are more different ones, sharing was worth little anyway

    def __init__(self) -> None:
        self._known: dict[str, Mapping[str, str]] = {}

    def __call__(self, text: str) -> Mapping[str, str]:
        known = self._known.get(text)
        if known is None:
            if len(self._known) >= self._KEPT_MAX:
                self._known.clear()
            known = self._known[text] = _decode_map(text)
        return known

    def all(self, texts: Sequence[str]) -> list[Mapping[str, str]]:
        """The maps of many texts, mostly equal ones."""
        table = {text: self(text) for text in set(texts)}
        return [table[text] for text in texts]


def account(row: Row) -> Account:
    return Account(row[0], row[1], row[2], moment(row[3]))


def account_row(value: Account) -> Row:
    return value.account_id, value.name, value.project_id, micros(value.created_at)


def user(row: Row) -> User:
    actions = _decode_patterns(row[6])
    return User(row[0], row[1], Role(row[2]), row[3], bool(row[4]), moment(row[5]), actions)


def user_row(value: User) -> Row:
    disabled, actions = int(value.disabled), msgspec.json.encode(value.actions).decode()
    proof = value.role.value, value.password_hash, disabled
    return value.account_id, value.name, *proof, micros(value.created_at), actions


def session(row: Row) -> Session:
    return Session(*row[:4], *map(moment, row[4:8]), *row[8:])


def session_row(value: Session) -> Row:
    times = value.begun_at, value.used_at, value.ends_at, value.expires_at
    whose = value.digest, value.account_id, value.user, value.mark
    return (*whose, *map(micros, times), value.remote_address, value.user_agent)


def used_session_row(value: Session) -> Row:
    return value.digest, micros(value.used_at), micros(value.ends_at), value.remote_address, value.user_agent


def access_key(row: Row) -> AccessKey:
    return AccessKey(row[0], row[1], row[2], row[3], bool(row[4]), moment(row[5]))


def access_key_row(value: AccessKey) -> Row:
    disabled = int(value.disabled)
    return value.key_id, value.account_id, value.user, value.sealed_secret, disabled, micros(value.created_at)


def provisioned(row: Row) -> Provisioned:
    return Provisioned(Credential(row[0]), row[1], row[2], Source(row[3]), row[4], moment(row[5]))


def provisioned_row(value: Provisioned) -> Row:
    named = value.kind.value, value.account_id, value.name, value.source.value
    return *named, value.digest, micros(value.at)


def topic(row: Row, maps: Maps) -> Topic:
    fields: Row = (*row[:7], maps(row[7]), maps(row[8]), moment(row[9]), moment(row[10]), row[11])
    return Topic(*fields)


def new_topic_row(value: Topic) -> Row:
    return (
        value.uid,
        value.account_id,
        value.region,
        value.name,
        value.dialect,
        value.display_name,
        map_text(value.settings),
        map_text(value.tags),
        micros(value.created_at),
        micros(value.updated_at),
        value.version,
    )


def changed_topic_row(value: Topic) -> Row:
    maps = map_text(value.settings), map_text(value.tags)
    return value.id, value.version, value.dialect, value.display_name, *maps, micros(value.updated_at)


def subscription(row: Row, maps: Maps) -> Subscription:
    fields: Row = (
        *row[:7],
        _STATES[row[7]],
        maps(row[8]),
        row[9],
        moment(row[10]),
        *map(moment_or_none, row[11:15]),
        bool(row[15]),
        bool(row[16]),
        *row[17:19],
    )
    return Subscription(*fields)


def new_subscription_row(value: Subscription) -> Row:
    return (value.uid, value.topic_id, *_subscription_row(value), value.version, value.endpoint_key)


def changed_subscription_row(value: Subscription) -> Row:
    return (value.id, value.version, *_subscription_row(value), value.endpoint_key)


def _subscription_row(value: Subscription) -> Row:
    return (
        value.account_id,
        value.dialect,
        value.protocol,
        value.endpoint,
        map_text(value.settings),
        value.state.value,
        micros_or_none(value.confirmed_at),
        value.principal,
        micros(value.created_at),
        micros_or_none(value.canceled_at),
        micros_or_none(value.confirmation_sent_at),
        micros_or_none(value.come_back_until),
        int(value.confirmation_was_authenticated),
        int(value.auth_on_unsubscribe),
    )


def subscribers(rows: Sequence[Row], maps: Maps) -> list[Subscriber]:
    """The subscribers of a fan-out's page."""
    settings = maps.all([row[6] for row in rows])
    return [Subscriber(a, b, c, d, e, f, shared) for (a, b, c, d, e, f, _), shared in zip(rows, settings, strict=True)]


def template(row: Row) -> Template:
    fields: Row = (*row[:6], moment(row[6]), moment(row[7]), row[8])
    return Template(*fields)


def new_template_row(value: Template) -> Row:
    named = value.uid, value.account_id, value.name, value.protocol
    return *named, value.content, micros(value.created_at), micros(value.updated_at), value.version


def changed_template_row(value: Template) -> Row:
    return value.id, value.version, value.name, value.protocol, value.content, micros(value.updated_at)


def token(row: Row) -> Token:
    return Token(row[0], TokenPurpose(row[1]), row[2], moment(row[3]), moment(row[4]), moment_or_none(row[5]))


def token_row(value: Token) -> Row:
    times = micros(value.created_at), micros(value.expires_at), micros_or_none(value.used_at)
    return value.digest, value.purpose.value, value.subscription_uid, *times


def confirmation_request(row: Row) -> ConfirmationRequest:
    return ConfirmationRequest(row[0], moment(row[1]), RequestEvent(row[2]), row[3], row[4])


def confirmation_request_row(value: ConfirmationRequest) -> Row:
    return value.recipient, micros(value.at), value.what.value, value.account_id, value.topic_id


def ledger_entry(row: Row) -> LedgerEntry:
    before, after = (None if number is None else _STATES[number] for number in row[10:12])
    origin = Origin(Way(row[12]), *row[13:19])
    told = before, after, origin, *row[19:23], moment_or_none(row[23])
    # An entry of a release before may hold a password: it cannot be changed, so it is not shown.
    fields: Row = (row[0], moment(row[1]), Event(row[2]), *row[3:9], masked(row[9]), *told)
    return LedgerEntry(*fields)


def ledger_row(value: LedgerEntry, high_water: int) -> Row:
    """high_water: the largest time of this and all earlier entries."""
    origin = value.origin
    return (
        micros(value.at),
        value.event.value,
        value.account_id,
        value.topic_id,
        value.topic_name,
        value.region,
        value.subscription_uid,
        value.protocol,
        value.endpoint,
        None if value.before is None else value.before.value,
        None if value.after is None else value.after.value,
        origin.way.value,
        origin.principal,
        origin.remote_address,
        origin.user_agent,
        origin.request_id,
        origin.shown,
        origin.raw_text,
        value.detail,
        value.address,
        value.keyword,
        value.transport_id,
        micros_or_none(value.sent_at),
        high_water,
    )


def delivery(row: Row) -> Delivery:
    fields: Row = (*row[:9], moment(row[9]), moment(row[10]), DeliveryState(row[11]), row[12], bool(row[13]))
    return Delivery(*fields)
