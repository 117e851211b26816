"""The ways to a subscriber, as subscriptions name them: what an endpoint of each looks like, and how it is told about.

A channel's package describes the protocols that it serves; `wiring` brings all descriptions together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from tidings.domain.errors import InvalidValue

TO_NUMBERS = "sms"
"""The protocol of what goes to a phone number that is nobody's subscription (`model.Kind.DIRECT`)."""
ENDPOINT_CHARACTERS_MAX = 2048
"""No protocol has a longer endpoint. Asked before anything else is done with one: policies and libraries read it after that."""


def _nobody(endpoint: str) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """check: an endpoint in the form that is stored and compared; raises ValueError with what is wrong. mask: what whoever a link was
    forwarded to may see of an endpoint. recipient: whom a request to it reaches, one text for all spellings that reach the same, for
    counting requests; empty: every spelling is somebody else. owner: the account that its own name says it belongs to, empty where it
    says none. word: of the endpoint on pages: `email`, `sms`, `http` or `queue`. is_person: whether a person reads it."""

    name: str
    check: Callable[[str], str]
    mask: Callable[[str], str]
    recipient: Callable[[str], str] = _nobody
    owner: Callable[[str], str] = _nobody
    word: str = "queue"
    is_person: bool = False


class Protocols(Mapping[str, Protocol]):
    """By name, in the order in which they are listed."""

    def __init__(self, protocols: Iterable[Protocol] = ()) -> None:
        self._protocols = {protocol.name: protocol for protocol in protocols}

    def __getitem__(self, name: str) -> Protocol:
        return self._protocols[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._protocols)

    def __len__(self) -> int:
        return len(self._protocols)

    def check(self, name: str, endpoint: str) -> str:
        """The endpoint in the form that is stored and compared. Raises InvalidValue (field `endpoint` or `protocol`)."""
        if len(endpoint) > ENDPOINT_CHARACTERS_MAX:
            raise InvalidValue("endpoint", f"longer than {ENDPOINT_CHARACTERS_MAX} characters", endpoint[:100])
        protocol = self._protocols.get(name)
        if protocol is None:
            raise InvalidValue("protocol", "not supported", name)
        try:
            return protocol.check(endpoint)
        except ValueError as error:
            raise InvalidValue("endpoint", str(error), endpoint) from error

    def recipient(self, name: str, endpoint: str) -> str:
        """Whom a request to this endpoint reaches; the same address of several protocols may be one recipient."""
        protocol = self._protocols.get(name)
        return (protocol.recipient(endpoint) if protocol is not None else "") or f"{name}:{endpoint}"

    def owner(self, name: str, endpoint: str) -> str:
        """The account that an endpoint's own name says it belongs to, empty where it says none."""
        protocol = self._protocols.get(name)
        return "" if protocol is None else protocol.owner(endpoint)


NO_PROTOCOLS = Protocols()
