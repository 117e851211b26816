"""The address policy and the strict reading of endpoint URLs."""

from __future__ import annotations

import ipaddress
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidings.wire.egress import URL_CHARACTERS_MAX, EgressPolicy, Target, check_url

PUBLIC = EgressPolicy()

REFUSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.1.2.3",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not PUBLIC.permits(address)
    assert not PUBLIC.permits(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.255.255",
        "172.32.0.1",
        "192.0.1.1",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2a00:1450::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
    ],
)
def test_a_public_address_is_permitted(address: str) -> None:
    assert PUBLIC.permits(address)


@pytest.mark.parametrize(
    "text", ["", "localhost", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4 ", "[::1]", "0x7f000001", "8"]
)
def test_what_is_not_an_address_is_refused(text: str) -> None:
    assert not EgressPolicy(loopback=True).permits(text)


def test_developer_mode_permits_loopback_and_nothing_else() -> None:
    policy = EgressPolicy(loopback=True)
    permitted = {address for address in REFUSED if policy.permits(address)}
    assert permitted == {"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1"}


def test_an_allowed_network_is_an_exception_in_every_spelling() -> None:
    policy = EgressPolicy(allow=(ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd12::/32")))
    assert policy.permits("10.1.2.3")
    assert policy.permits("::ffff:10.1.2.3")
    assert policy.permits("fd12::7")
    assert not policy.permits("10.2.0.1")
    assert not policy.permits("fd13::7")
    assert not policy.permits("fd12::7%lo")
    assert policy.permits("8.8.8.8")


@given(st.ip_addresses(v=4))
def test_our_table_refuses_at_least_what_python_calls_not_global(address: ipaddress.IPv4Address) -> None:
    if not address.is_global or address.is_multicast:
        assert not PUBLIC.permits(address) or address in ipaddress.ip_network("192.0.0.0/24")


@given(st.ip_addresses(v=6))
def test_our_table_refuses_every_v6_address_python_calls_private(address: ipaddress.IPv6Address) -> None:
    if address.is_private or address.is_multicast or address.is_link_local or address.is_reserved:
        assert not PUBLIC.permits(address) or address.ipv4_mapped or address in ipaddress.ip_network("64:ff9b::/96")


@given(st.ip_addresses(v=4))
@example(ipaddress.IPv4Address("169.254.169.254"))
def test_an_embedded_address_is_never_permitted_more_than_itself(inner: ipaddress.IPv4Address) -> None:
    number = int(inner)
    forms = [
        ipaddress.IPv6Address(number),
        ipaddress.IPv6Address((0xFFFF << 32) | number),
        ipaddress.IPv6Address((0xFFFF << 48) | number),
        ipaddress.IPv6Address((0x64FF9B << 96) | number),
        ipaddress.IPv6Address((0x2002 << 112) | (number << 80) | 1),
        ipaddress.IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF)),
    ]
    if not PUBLIC.permits(inner):
        assert not any(PUBLIC.permits(form) for form in forms)


@given(st.ip_addresses())
def test_text_and_address_are_classified_alike(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert PUBLIC.permits(address) == PUBLIC.permits(str(address))


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://example.com", Target("http", "example.com", 80, "/")),
        ("HTTPS://Example.COM./a?b=c#d", Target("https", "example.com", 443, "/a?b=c")),
        ("http://example.com?x=1", Target("http", "example.com", 80, "/?x=1")),
        ("http://example.com:8080/?a=b?c", Target("http", "example.com", 8080, "/?a=b?c")),
        ("http://my_service:1/x", Target("http", "my_service", 1, "/x")),
        ("http://bücher.example/ä", Target("http", "xn--bcher-kva.example", 80, "/%C3%A4")),
        ('http://h/"<>`{}^|', Target("http", "h", 80, "/%22%3C%3E%60%7B%7D%5E|")),
        ("http://h/%zz%20", Target("http", "h", 80, "/%zz%20")),
        ("http://[2606:4700::0001]:81/", Target("http", "2606:4700::1", 81, "/")),
        ("http://[::ffff:1.2.3.4]/", Target("http", "1.2.3.4", 80, "/")),
        ("http://user:pa%3Ass@h/", Target("http", "h", 80, "/", "user:pa:ss")),
        ("http://only@h/", Target("http", "h", 80, "/", "only:")),
        ("http://u:p%C3%A4@h/", Target("http", "h", 80, "/", "u:pä")),
        ("http://host1/", Target("http", "host1", 80, "/")),
    ],
)
def test_a_url_is_taken_apart(url: str, target: Target) -> None:
    assert check_url(url) == target


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "//example.com/",
        "ftp://h/",
        "httpx://h/",
        "http:/h/",
        "http:///",
        "http://",
        "http://?x",
        "http://:80/",
        "http://h /",
        "http://h/ x",
        "http://h/\r\nX: y",
        "http://h/\x00",
        "http://h\t/",
        "http://h\\@x/",
        "http://h/\\",
        "http://h/\u2028",
        "http://h/\u00a0",
        "http://h/\x85",
        "http://\ud800/",
        "http://h/\ud800",
        "http://h:0/",
        "http://h:65536/",
        "http://h:99999/",
        "http://h:/",
        "http://h:-1/",
        "http://h:1:2/",
        "http://h:٨٠/",
        "http://a@b@c/",
        "http://[::1/",
        "http://::1/",
        "http://[::1]x/",
        "http://[fe80::1%25eth0]/",
        "http://[1.2.3.4]/",
        "http://h%2e/",
        "http://-h/",
        "http://h-/",
        "http://a..b/",
        "http://.h/",
        "http://./",
        "http://" + "a" * 64 + "/",
        "http://" + "a." * 127 + "b/",
        "http://h,i/",
        "http://h*/",
        "http://%31/",
        "http://xn--\u00e4/",
        "http://1.2.3.4.5/",
        "http://256.1.1.1/",
        "http://1.2.3.256/",
        "http://4294967296/",
        "http://08/",
        "http://a.1/",
        "http://u%00:p@h/",
        "http://u%0d%0a@h/",
        "http://u%3Av:p@h/",
        "http://%ff@h/",
        "http://h/" + "a" * URL_CHARACTERS_MAX,
    ],
)
def test_what_is_not_an_endpoint_is_refused_with_a_reason(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w{3}") as refusal:
        check_url(url)
    assert len(str(refusal.value)) < 400


ADDRESSES_V4 = st.ip_addresses(v=4)


def spellings(address: ipaddress.IPv4Address) -> list[str]:
    number = int(address)
    a, b, c, d = address.packed
    return [
        str(address),
        f"{address}.",
        str(number),
        f"{number:#x}",
        f"{number:#X}",
        f"0{number:o}",
        f"{a}.{number & 0xFFFFFF}",
        f"{a}.{b}.{c << 8 | d}",
        f"{a:#x}.0{b:o}.{c}.{d:#x}",
        f"000{a:o}.{b}.{c}.{d}",
        str(address).translate({ord("0") + i: 0xFF10 + i for i in range(10)}),
        str(address).replace(".", "\u3002"),
        f"[::ffff:{address}]",
    ]


@given(ADDRESSES_V4)
@example(ipaddress.IPv4Address("127.0.0.1"))
def test_every_spelling_of_an_address_means_that_address(address: ipaddress.IPv4Address) -> None:
    for spelling in spellings(address):
        target = check_url(f"http://{spelling}/")
        assert target.host == str(address), spelling
        assert target.address == address


@given(st.text(max_size=60) | st.from_regex(r"https?://[^\s]{0,40}", fullmatch=True))
def test_any_text_is_a_sound_target_or_a_value_error(text: str) -> None:
    try:
        target = check_url(text)
    except ValueError:
        return
    assert target.scheme in ("http", "https")
    assert 1 <= target.port <= 65535
    assert target.path_and_query.startswith("/")
    assert all(33 <= ord(ch) < 127 for ch in target.path_and_query + target.authority)
    assert not set(target.host) & set("@/?#[]\\%")
    assert "#" not in target.path_and_query


@given(
    st.sampled_from(["http", "https"]),
    st.from_regex(r"[a-z][a-z0-9]{0,9}(\.[a-z][a-z0-9]{0,9}){0,3}", fullmatch=True),
    st.integers(1, 65535),
    st.text(max_size=20).map(lambda text: "/" + quote(text)),
)
def test_a_target_written_down_again_reads_the_same(scheme: str, host: str, port: int, path: str) -> None:
    target = check_url(f"{scheme}://{host}:{port}{path}")
    assert check_url(f"{target.scheme}://{target.authority}{target.path_and_query}") == target
    assert (target.host, target.port, target.path_and_query, target.address) == (host, port, path, None)


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("http://h/", "h"),
        ("http://h:80/", "h"),
        ("http://h:443/", "h:443"),
        ("https://h:443/", "h"),
        ("https://[2606::1]/", "[2606::1]"),
        ("https://[2606::1]:8443/", "[2606::1]:8443"),
    ],
)
def test_the_authority_names_a_port_only_when_it_is_not_the_default(url: str, authority: str) -> None:
    assert check_url(url).authority == authority
