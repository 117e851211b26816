"""Signing in, and what OpenStack tools ask before their first call: discovery, tokens with a catalogue, projects.

An account is a domain and has one project, whose name is the region. Passwords are checked by `access/authenticate`, tokens
made by `access/sign_in_tokens`. Errors have Keystone's form here, because its clients read no other.
Source: IAM API reference, "Obtaining a User Token Through Password Authentication", "Obtaining a Project ID"; Keystone API
reference, v3. Observed: openstacksdk 4.22.0, otcextensions 0.34.8, huaweicloudsdkcore 3.1.219.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tidings.access.sign_in_tokens import SignInToken
from tidings.dialects.contract import WireResponse
from tidings.dialects.smn import codec, names
from tidings.dialects.smn.calls import Answer, Call, Route, SmnServices
from tidings.dialects.smn.errors import SmnError
from tidings.domain.errors import NotAuthenticated, Throttled
from tidings.domain.model import Account, AccountId, Principal, Role

DISCOVERY_ID = "v3.13"
DISCOVERY_UPDATED = "2019-07-19T00:00:00Z"
NOBODY = AccountId("-")
"""Where the password of a user of no account is looked up, so that finding out takes as long as for any other."""

_ROLES = {
    Role.OWNER: ("SMN Administrator",),
    Role.OPERATOR: ("SMN FullAccess",),
    Role.PUBLISHER: ("SMN ReadOnlyAccess", "SMN Publisher"),
    Role.AUDITOR: ("SMN ReadOnlyAccess",),
}
_TITLES = {400: "Bad Request", 401: "Unauthorized", 429: "Too Many Requests"}


class KeystoneError(Exception):
    """A refusal in Keystone's form."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Reference:
    """A domain or project, by id or by name."""

    id: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class SignIn:
    """What POST /v3/auth/tokens is asked: by whom (user id, or name in a domain), and for what. `project` and `domain`: the
    scope; both None when none was asked for."""

    user: Reference
    user_domain: Reference | None
    password: str
    project: Reference | None = None
    project_domain: Reference | None = None
    domain: Reference | None = None


async def create_token(services: SmnServices, call: Call) -> WireResponse:
    """CreateToken: a password for a token."""
    trail, tried = services.accounts.trail, ""
    account: Account | None = None
    try:
        asked = _read(call)
        account, user_name = await _find(services, asked)
        tried = user_name
        principal = await services.authenticator.by_password(
            account.account_id if account is not None else NOBODY,
            user_name,
            asked.password,
            remote=call.request.remote,
        )
        assert account is not None  # nobody has no password
        _check_scope(services, account, asked)
        ticket = await services.sign_in_tokens.issue(principal)
        await trail.signed_in(principal, call.origin)
    except KeystoneError as error:
        return _refused(call, error.status, error.message)
    except NotAuthenticated:
        await trail.sign_in_failed(account.account_id if account is not None else None, tried, call.origin)
        return _refused(call, 401, "The username or password is wrong.")
    except Throttled as error:
        return _refused(
            call, 429, "Too many attempts to sign in.", (("Retry-After", str(max(1, round(error.after_s)))),)
        )
    shown = _token(services, account, ticket, asked)
    if "nocatalog" not in call.query:
        shown["catalog"] = _catalog(services, account)
    return _reply(call, 201, {"token": shown}, (("X-Subject-Token", ticket.text), ("Vary", "X-Auth-Token")))


async def discover(services: SmnServices, call: Call) -> WireResponse:
    """ShowIdentityVersion: what the identity service speaks."""
    link = {"rel": "self", "href": f"{services.public_url}/v3/"}
    version = {
        "id": DISCOVERY_ID,
        "status": "stable",
        "updated": DISCOVERY_UPDATED,
        "links": [link],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }
    return _reply(call, 200, {"version": version})


async def list_projects(services: SmnServices, call: Call) -> Answer:
    """KeystoneListProjects: the one project of the caller's account, where the filters fit."""
    account = await services.accounts.find(call.principal.account_id)
    assert account is not None  # he has just been authenticated
    domain_id = names.domain_id(account.account_id)
    project = {
        "id": account.project_id,
        "name": services.region,
        "domain_id": domain_id,
        "parent_id": domain_id,
        "enabled": True,
        "is_domain": False,
        "description": "",
        "links": {"self": f"{services.public_url}/v3/projects/{account.project_id}"},
    }
    wanted = {
        "name": services.region,
        "domain_id": domain_id,
        "parent_id": domain_id,
        "enabled": "true",
        "is_domain": "false",
    }
    fits = all(call.query.get(name, value).lower() == value.lower() for name, value in wanted.items())
    links = {"self": f"{services.public_url}/v3/projects", "next": None, "previous": None}
    return Answer(200, {"projects": [project] if fits else [], "links": links}, with_request_id=False)


def _read(call: Call) -> SignIn:
    """Raises KeystoneError."""
    try:
        auth = _object(call.body, "auth")
    except SmnError as error:
        raise _malformed("The request body is not a JSON object.") from error
    identity = _object(auth, "identity")
    if identity.get("methods") != ["password"]:
        raise _malformed("methods must be password: no other is offered.")
    user = _object(_object(identity, "password"), "user")
    password = user.get("password")
    if not isinstance(password, str) or not codec.is_text(password):
        raise _malformed("password must be a string.")
    reference = _reference(user, "user")
    domain = _reference(_object(user, "domain"), "domain") if reference.id is None or "domain" in user else None
    return SignIn(reference, domain, password, **_read_scope(auth.get("scope")))


def _read_scope(scope: Any) -> dict[str, Reference | None]:
    if scope is None or scope == "unscoped":
        return {}
    if not isinstance(scope, dict) or ("project" in scope) is ("domain" in scope):
        raise _malformed("scope must be either a project or a domain.")
    if "domain" in scope:
        return {"domain": _reference(_object(scope, "domain"), "domain")}
    project = _object(scope, "project")
    return {
        "project": _reference(project, "project"),
        "project_domain": _reference(_object(project, "domain"), "domain")
        if project.get("domain") is not None
        else None,
    }


def _object(members: dict[str, Any], name: str) -> dict[str, Any]:
    value = members.get(name)
    if not isinstance(value, dict):
        raise _malformed(f"{name} must be an object.")
    return value


def _reference(members: dict[str, Any], what: str) -> Reference:
    given = [members.get("id"), members.get("name")]
    if all(value is None for value in given):
        raise _malformed(f"{what} must have an id or a name.")
    if not all(value is None or (isinstance(value, str) and codec.is_text(value)) for value in given):
        raise _malformed(f"id and name of {what} must be strings.")
    return Reference(given[0], given[1])


def _malformed(why: str) -> KeystoneError:
    return KeystoneError(400, why)


async def _find(services: SmnServices, asked: SignIn) -> tuple[Account | None, str]:
    """The account and the name of who signs in; None when there is no such account or user id."""
    if asked.user.id is None:
        assert asked.user_domain is not None  # as it was read
        return await _account(services, asked.user_domain), asked.user.name or ""
    for account in await services.accounts.all():
        if asked.user_domain is not None and not _is_account(account, asked.user_domain):
            continue
        for user in await services.accounts.users(account.account_id):
            if names.user_id(account.account_id, user.name) == asked.user.id:
                return account, user.name
    return None, ""


async def _account(services: SmnServices, wanted: Reference) -> Account | None:
    if wanted.id is None:
        return await services.accounts.find(wanted.name or "")
    return next((account for account in await services.accounts.all() if _is_account(account, wanted)), None)


def _is_account(account: Account, wanted: Reference) -> bool:
    if wanted.id is not None:
        return wanted.id in (names.domain_id(account.account_id), account.account_id)
    return wanted.name in (account.name, account.account_id)


def _check_scope(services: SmnServices, account: Account, asked: SignIn) -> None:
    """Raises KeystoneError when the token is to be for somebody else's project or domain, or for none that there is."""
    domains = (asked.domain, asked.project_domain)
    fits = all(domain is None or _is_account(account, domain) for domain in domains)
    if asked.project is not None:
        wanted = asked.project
        fits = fits and (wanted.id == account.project_id if wanted.id is not None else wanted.name == services.region)
    if not fits:
        raise KeystoneError(401, "The project or domain does not exist, or the user has no access to it.")


def _token(services: SmnServices, account: Account, ticket: SignInToken, asked: SignIn) -> dict[str, Any]:
    principal = ticket.principal
    domain = {"id": names.domain_id(account.account_id), "name": account.name}
    scope: dict[str, Any] = {"domain": domain}
    if asked.domain is None:
        scope = {"project": {"id": account.project_id, "name": services.region, "domain": domain}}
    return {
        "methods": ["password"],
        "issued_at": _moment(ticket.issued_at),
        "expires_at": _moment(ticket.expires_at),
        "user": {
            "id": names.user_id(account.account_id, principal.user),
            "name": principal.user,
            "domain": domain,
            "password_expires_at": "",
        },
        "roles": [{"id": names.derived_id("role", role), "name": role} for role in roles(principal)],
        **scope,
    }


def roles(principal: Principal) -> Sequence[str]:
    """What the user may do in IAM's words: names of system policies, or his own actions."""
    return principal.actions or _ROLES[principal.role]


def _catalog(services: SmnServices, account: Account) -> list[dict[str, Any]]:
    catalogue = (
        ("smn", "smn", f"{services.public_url}/v2/{account.project_id}"),
        ("iam", "identity", f"{services.public_url}/v3"),
    )
    return [
        {
            "id": names.derived_id("service", name),
            "name": name,
            "type": kind,
            "endpoints": [
                {
                    "id": names.derived_id("endpoint", name),
                    "interface": "public",
                    "region": services.region,
                    "region_id": services.region,
                    "url": url,
                }
            ],
        }
        for name, kind, url in catalogue
    ]


def _moment(at: datetime) -> str:
    """With microseconds, as Keystone's clients want it."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def _refused(call: Call, status: int, message: str, headers: tuple[tuple[str, str], ...] = ()) -> WireResponse:
    error = {"code": status, "message": message, "title": _TITLES[status]}
    return _reply(call, status, {"error": error}, headers)


def _reply(call: Call, status: int, body: dict[str, Any], headers: tuple[tuple[str, str], ...] = ()) -> WireResponse:
    told = (("X-Request-Id", call.request_id), *headers)
    return WireResponse(status, codec.encode(body), codec.CONTENT_TYPE, told)


ROUTES: tuple[Route, ...] = (
    Route("GET", "v3", "ShowIdentityVersion", discover, public=True),
    Route("POST", "v3/auth/tokens", "CreateToken", create_token, public=True),
    Route("GET", "v3/projects", "KeystoneListProjects", list_projects),
    Route("GET", "v3/auth/projects", "KeystoneListAuthProjects", list_projects),
)
