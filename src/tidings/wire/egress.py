"""Where outgoing requests may go: which addresses, and which URLs name an endpoint at all.

Channels that open a URL ask `EgressPolicy.permits` about the very address they connect to; whoever accepts an endpoint asks
`check_url`. Nothing here resolves a name, opens a socket or reads a clock.

Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries; RFC 6052 (NAT64), RFC 7526 (6to4 is over), RFC 4380 (Teredo);
RFC 3986; WHATWG URL Standard, host parsing (numbers that are IPv4 addresses).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import quote, unquote_to_bytes

import idna

# A table of our own: `ipaddress.is_global` gives other answers in Python 3.11 than in 3.13.
_REFUSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host, unspecified
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; holds a cloud's metadata address too (100.100.100.200)
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host agent: public by number, not by nature
        "169.254.0.0/16",  # link-local, metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# Everything outside 2000::/3 is refused first: loopback, mapped, compatible, unique local (fd00:ec2::254), link-local, multicast.
_GLOBAL_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # IETF protocol assignments: Teredo, benchmarking, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: retired, and a way to write any IPv4 address
        "3fff::/20",  # documentation
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_LOOPBACK_V4 = IPv4Network("127.0.0.0/8")
_LOOPBACK_V6 = IPv6Address("::1")

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """Public addresses, and what the operator allows besides.

    allow: networks that are an exception, whatever they contain. loopback: 127.0.0.0/8 and ::1 too (developer mode).
    """

    allow: Sequence[Network] = ()
    loopback: bool = False

    def permits(self, address: str | Address) -> bool:
        """Whether a connection to this address may be opened. What is not an address, or carries a zone id, is refused."""
        ip = _address(address)
        if ip is None:
            return False
        embedded = _embedded(ip)
        if embedded is not None:
            ip = embedded
        if any(ip.version == network.version and ip in network for network in self.allow):
            return True
        if isinstance(ip, IPv4Address):
            if self.loopback and ip in _LOOPBACK_V4:
                return True
            return not any(ip in network for network in _REFUSED_V4)
        if self.loopback and ip == _LOOPBACK_V6:
            return True
        return ip in _GLOBAL_V6 and not any(ip in network for network in _REFUSED_V6)


ANYWHERE = EgressPolicy((IPv4Network("0.0.0.0/0"), IPv6Network("::/0")))
"""For connections that go only where a setting of the operator names a host: private networks are meant."""


def _address(address: str | Address) -> Address | None:
    if isinstance(address, str):
        try:
            address = ipaddress.ip_address(address)
        except ValueError:
            return None
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return None
    return address


def _embedded(ip: Address) -> IPv4Address | None:
    """The IPv4 host that a mapped or NAT64 address reaches. Other embeddings are refused as they are."""
    if not isinstance(ip, IPv6Address):
        return None
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return None


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint's URL, taken apart.

    `host` is lower case ASCII: a name without trailing dot, an IPv4 address in dotted form, or an IPv6 address without
    brackets. `path_and_query` begins with `/` and is printable ASCII. `userinfo` is `user:password`, decoded; empty: none.
    """

    scheme: str
    host: str
    port: int
    path_and_query: str
    userinfo: str = field(default="", repr=False)

    @property
    def authority(self) -> str:
        """What belongs into the Host header: brackets for IPv6, no default port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def address(self) -> Address | None:
        """The address, when the host is one and not a name."""
        if ":" in self.host or self.host.rpartition(".")[2].isdigit():
            return ipaddress.ip_address(self.host)
        return None


DEFAULT_PORTS = {"http": 80, "https": 443}

URL_CHARACTERS_MAX = 2048
"""Longer ones break receivers' request lines; no cloud documents a longer endpoint."""

HOST_CHARACTERS_MAX = 254
"""With a dot at its end. Asked first: reading international names takes more than linear time."""

_URL = re.compile(
    r"(?P<scheme>https?)://(?:(?P<userinfo>[^@/?#]*)@)?(?P<host>\[[^\]@/?#]*\]|[^\[\]:@/?#]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?(?:#.*)?",
    re.IGNORECASE | re.DOTALL,
)
# C0, space, DEL, C1 and no-break space; the backslash, which some clients read as a slash; Unicode's line and other spaces.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\\\s]")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*")
_PATH_SAFE = "-._~!$&'()*+,;=:@%/?|[]"
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


def check_url(url: str) -> Target:
    """Take an endpoint's URL apart, strictly.

    Numbers that resolvers read as an address (`2130706433`, `0x7f.1`, `127.1`) become that address. The fragment is dropped;
    characters that cannot stand in a request line are percent-encoded. Raises ValueError with a reason that may be shown.
    Whether the host may be reached is for `EgressPolicy`, at the time of connecting.
    """
    if len(url) > URL_CHARACTERS_MAX:
        raise ValueError(f"URL is longer than {URL_CHARACTERS_MAX} characters")
    if _FORBIDDEN.search(url):
        raise ValueError("URL contains a space, a control character or a backslash")
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError("not an http or https URL")
    scheme_text, userinfo_text, host_text, port_text, path, query = match.groups()
    scheme = scheme_text.lower()
    port = DEFAULT_PORTS[scheme] if port_text is None else int(port_text)
    if not 1 <= port <= 65535:
        raise ValueError("port is not between 1 and 65535")
    path_and_query = (path or "/") + (query or "")
    if not _PLAIN_PATH.fullmatch(path_and_query):
        path_and_query = _quoted(path_and_query)
    return Target(scheme, check_host(host_text), port, path_and_query, _userinfo(userinfo_text or ""))


def _quoted(path_and_query: str) -> str:
    try:
        return quote(path_and_query, safe=_PATH_SAFE)
    except UnicodeEncodeError:
        raise ValueError("URL contains half a character") from None


def _userinfo(text: str) -> str:
    """`user:password`, percent-decoded. Source: RFC 7617: no control characters, no colon in the user name."""
    if not text:
        return ""
    user, _, password = text.partition(":")
    try:
        decoded = [unquote_to_bytes(part).decode("utf-8") for part in (user, password)]
    except UnicodeError:
        raise ValueError("user name or password is not UTF-8") from None
    if ":" in decoded[0] or any(ord(ch) < 32 or 127 <= ord(ch) < 160 for part in decoded for ch in part):
        raise ValueError("user name or password contains a forbidden character")
    return ":".join(decoded)


@lru_cache(maxsize=1024)
def check_host(text: str) -> str:
    """The host of a URL in the one form in which it is compared and connected to. Raises ValueError."""
    if len(text) > HOST_CHARACTERS_MAX:
        raise ValueError("host is longer than a name can be")
    if text.startswith("["):
        return _ipv6(text[1:-1])
    if not text.isascii():
        try:
            text = idna.encode(text, uts46=True).decode("ascii")
        except UnicodeError as error:
            raise ValueError(f"host is not a valid international name: {error}") from None
    host = text.lower().removesuffix(".")
    labels = host.split(".")
    if _is_number(labels[-1]):
        return str(_ipv4(labels))
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("host is not a valid name")
    return host


def _ipv6(text: str) -> str:
    if "%" in text:
        raise ValueError("an address with a zone id is not allowed")
    try:
        address = IPv6Address(text)
    except ValueError:
        raise ValueError("host is not a valid IPv6 address") from None
    # Also because Python 3.11 and 3.13 write mapped addresses differently.
    return str(address.ipv4_mapped or address)


def _is_number(label: str) -> bool:
    return label.isdigit() or re.fullmatch(r"0x[0-9a-f]*", label) is not None


def _ipv4(labels: list[str]) -> IPv4Address:
    """The address that `inet_aton` and browsers read from one to four decimal, octal or hexadecimal numbers."""
    if len(labels) > 4:
        raise ValueError("host is not a valid IPv4 address")
    numbers = [_number(label) for label in labels]
    *high, low = numbers
    if any(number > 255 for number in high) or low >= 256 ** (5 - len(numbers)):
        raise ValueError("host is not a valid IPv4 address")
    value = low
    for place, number in enumerate(high):
        value += number << (8 * (3 - place))
    return IPv4Address(value)


def _number(label: str) -> int:
    if re.fullmatch(r"0x[0-9a-f]*", label):
        return int(label[2:] or "0", 16)
    if re.fullmatch(r"0[0-7]*", label):
        return int(label, 8)
    if re.fullmatch(r"[1-9][0-9]*", label):
        return int(label)
    raise ValueError("host is not a valid IPv4 address")
