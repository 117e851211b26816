"""The HTTP channel: which addresses it connects to, and whose certificates it accepts."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from tests.integration.http_servers import (
    OK,
    channel_of,
    eventually,
    on_both_loops,
    oracle,
    post,
    raw,
    says,
    silence,
)
from tests.support.outgoing import Outcomes, make_outgoing

from tidings.domain.envelope import TextContent
from tidings.domain.outcomes import Delivered, Refused, RetryLater
from tidings.wire.egress import EgressPolicy


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "[::ffff:127.0.0.1]", "0.0.0.0"])
@on_both_loops
async def test_an_address_that_is_not_allowed_is_never_connected_to(host: str) -> None:
    async with raw(says(OK)) as server, channel_of(policy=EgressPolicy()) as channel:
        outcome = await post(channel, f"http://{host}:{server.port}/")
        assert isinstance(outcome, Refused)
        assert outcome.reason.startswith("address not allowed: ")
        assert server.connections == 0
        await eventually(lambda: channel.hosts == 0)


@on_both_loops
async def test_a_name_goes_only_to_those_of_its_addresses_that_are_allowed() -> None:
    policy = EgressPolicy(allow=[ipaddress.ip_network("127.0.0.1/32")])
    looked_up = []

    def lookup(host: str) -> list[str]:
        looked_up.append(host)
        return ["127.0.0.2", "169.254.169.254", "127.0.0.1"] if len(looked_up) == 1 else ["127.0.0.2"]

    async with raw(says(OK)) as good, raw(says(OK), "127.0.0.2", good.port) as bad:
        async with channel_of(policy=policy, lookup=lookup, resolve_ttl_s=0) as channel:
            url = f"http://hook.example:{good.port}/"
            assert await post(channel, url) == Delivered("HTTP 200")
            assert f"Host: hook.example:{good.port}\r\n".encode() in good.requests[0][1]
            assert looked_up == ["hook.example"]  # what was checked is what was connected to
        async with channel_of(policy=policy, lookup=lookup, resolve_ttl_s=0) as channel:
            assert await post(channel, url) == Refused("address not allowed: 127.0.0.2")
        assert (good.connections, bad.connections) == (1, 0)


@on_both_loops
async def test_when_one_address_is_dead_the_next_is_tried() -> None:
    async with raw(says(OK)) as server, channel_of(lookup=lambda _: ["127.0.0.9", "::1", "127.0.0.1"]) as channel:
        assert await post(channel, f"http://hook.example:{server.port}/") == Delivered("HTTP 200")


@pytest.mark.parametrize("endpoint", ["", "ftp://h/", "http://h/ x", "http://h:0/", "javascript:alert(1)"])
@on_both_loops
async def test_what_is_not_an_endpoint_is_refused(endpoint: str) -> None:
    async with channel_of() as channel:
        outcome = await post(channel, endpoint)
        assert isinstance(outcome, Refused)
        assert outcome.reason.startswith("endpoint: ")


@on_both_loops
async def test_a_message_for_another_way_out_is_refused() -> None:
    async with channel_of() as channel:
        outcomes = Outcomes()
        channel.send(make_outgoing(TextContent("hi"), "http://127.0.0.1:1/"), outcomes)
        assert isinstance((await outcomes.wait_for(1))[0], Refused)


@on_both_loops
async def test_a_name_without_address_is_tried_later() -> None:
    async with channel_of() as channel:
        outcome = await post(channel, "http://no-such-host.invalid/")
        assert isinstance(outcome, RetryLater)
        assert outcome.reason.startswith("DNS: ")


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
        basic = x509.BasicConstraints(ca=True, path_length=None)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        identifier = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        builder = self._builder(self.name, self.key).add_extension(basic, True).add_extension(usage, True)
        self.certificate = builder.add_extension(identifier, False).sign(self.key, hashes.SHA256())
        self.pem = self.certificate.public_bytes(Encoding.PEM).decode()

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(self.name, subject, key.public_key(), x509.random_serial_number())
        hour = datetime.timedelta(hours=1)
        return builder.not_valid_before(now - hour).not_valid_after(now + hour)

    def context_for(self, names: list[x509.GeneralName], folder) -> ssl.SSLContext:
        """A server's context with a certificate for these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = self._builder(subject, key).add_extension(x509.SubjectAlternativeName(names), False)
        certificate = builder.add_extension(issuer, False).sign(self.key, hashes.SHA256())
        file = folder / "server.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(file)
        return context


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


async def pong(_: web.Request) -> web.Response:
    return web.Response(text="pong")


@on_both_loops
async def test_tls_is_verified_against_the_name_and_the_name_is_sent(authority: Authority, tmp_path) -> None:
    context = authority.context_for([x509.DNSName("hook.example")], tmp_path)
    named: list[str | None] = []
    context.sni_callback = lambda _, name, __: named.append(name)
    trusting = ssl.create_default_context(cadata=authority.pem)
    async with (
        oracle(pong, ssl_context=context) as url,
        channel_of(tls_context=trusting, lookup=lambda _: ["127.0.0.1"]) as channel,
    ):
        port = url.rpartition(":")[2]
        for _ in range(3):
            assert await post(channel, f"https://hook.example:{port}/") == Delivered("HTTP 200")
        outcome = await post(channel, f"https://other.example:{port}/")
        assert isinstance(outcome, RetryLater)
        assert outcome.reason.startswith("TLS: certificate not accepted: ")
        assert "other.example" in outcome.reason
    assert named == ["hook.example", "other.example"]


@on_both_loops
async def test_tls_to_an_address_is_verified_against_the_address(authority: Authority, tmp_path) -> None:
    context = authority.context_for([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))], tmp_path)
    trusting = ssl.create_default_context(cadata=authority.pem)
    async with oracle(pong, ssl_context=context) as url, channel_of(tls_context=trusting) as channel:
        assert await post(channel, url) == Delivered("HTTP 200")


@on_both_loops
async def test_a_certificate_of_an_unknown_authority_is_not_accepted(authority: Authority, tmp_path) -> None:
    context = authority.context_for([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))], tmp_path)
    async with oracle(pong, ssl_context=context) as url, channel_of() as channel:
        outcome = await post(channel, url)
        assert isinstance(outcome, RetryLater)
        assert outcome.reason.startswith("TLS: certificate not accepted: ")


@on_both_loops
async def test_a_server_that_speaks_no_tls_is_tried_later() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server, channel_of() as channel:
        outcome = await post(channel, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        assert isinstance(outcome, RetryLater)


@on_both_loops
async def test_a_handshake_that_never_ends_is_cut_by_the_time_out() -> None:
    async with raw(silence) as server, channel_of() as channel:
        outcome = await post(channel, server.url.replace("http", "https", 1), timeout_s=0.3)
        assert outcome in (RetryLater("no connection in time"), RetryLater("no connection within 0.3 s"))
        await eventually(lambda: server.open == 0)
