"""One tree of errors. They carry facts (field, limit, id); each dialect's `errors.py` says how they sound on its wire."""

from __future__ import annotations


class TidingsError(Exception):
    """Something a caller did, or met, that the product has a name for."""


class NotAuthenticated(TidingsError):
    """Nobody we know asked: no credential, an unknown one or a wrong signature."""


class UnknownCredential(NotAuthenticated):
    """The access key, user or token does not exist or was disabled."""


class WrongSignature(NotAuthenticated):
    """The signature, password or token does not belong to what was sent."""


class RequestExpired(NotAuthenticated):
    """The request was signed too long ago, or for the future."""


class Denied(TidingsError):
    """The caller is known (or anonymous where that is allowed) and may not do this."""

    def __init__(self, principal: str, action: str, resource: str) -> None:
        super().__init__(f"{principal} may not {action} on {resource}")
        self.principal = principal
        self.action = action
        self.resource = resource


class NotFound(TidingsError):
    """The thing named does not exist. `kind` is one of the glossary's nouns: topic, subscription, account …"""

    def __init__(self, kind: str, name: str = "") -> None:
        super().__init__(f"{kind} does not exist: {name}")
        self.kind = kind
        self.name = name


class AlreadyExists(TidingsError):
    """The thing exists with other properties than those given. `field` says which property differs."""

    def __init__(self, kind: str, field: str = "") -> None:
        super().__init__(f"{kind} already exists{f' with a different {field}' if field else ''}")
        self.kind = kind
        self.field = field


class InvalidValue(TidingsError):
    """A value given is not acceptable. `reason` is for people; `value` is the value, shortened."""

    def __init__(self, field: str, reason: str = "", value: str = "") -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason
        self.value = value[:200]


class InvalidToken(InvalidValue):
    """A token from a link that we did not make, or that has been used up."""

    def __init__(self, reason: str = "unknown") -> None:
        super().__init__("token", reason)


class MalformedToken(InvalidToken):
    """A token that cannot be one of anybody's: not hexadecimal of even length."""


class TokenExpired(InvalidToken):
    """A token that was ours and is older than its time to live."""

    def __init__(self) -> None:
        super().__init__("expired")


class WrongState(TidingsError):
    """The thing exists and is in a state in which this cannot be done."""

    def __init__(self, kind: str, state: str, wanted: str) -> None:
        super().__init__(f"{kind} is {state}; cannot {wanted}")
        self.kind = kind
        self.state = state
        self.wanted = wanted


class OptedOut(WrongState):
    """The endpoint has said that it wants nothing more."""

    def __init__(self, endpoint: str) -> None:
        super().__init__("endpoint", "opted out", "send")
        self.endpoint = endpoint


class QuotaExceeded(TidingsError):
    """A limit on how many of a thing an account or a topic may have."""

    def __init__(self, kind: str, limit: int) -> None:
        super().__init__(f"at most {limit} {kind}")
        self.kind = kind
        self.limit = limit


class Throttled(TidingsError):
    """Too many calls. `after_s` is when to try again."""

    def __init__(self, after_s: float = 1.0) -> None:
        super().__init__(f"try again after {after_s} s")
        self.after_s = after_s


class Unavailable(TidingsError):
    """We cannot do it now (stopping, disk full); nothing was changed and the call may be repeated."""


class Conflict(TidingsError):
    """The store holds a newer version than the one a unit was decided on. Services read again; no caller sees it."""
