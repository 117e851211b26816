"""The email channel against a real SMTP server."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import dkim
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID
from tests.support.outgoing import Outcomes, make_outgoing
from tests.support.permits import permit_all, permit_if
from tests.support.smtp import Mailbox

from tidings.channels.email import EmailChannel, relay
from tidings.channels.mime import DkimKey
from tidings.domain.envelope import MailContent, TextContent
from tidings.domain.outcomes import Blocked, Busy, Delivered, Refused, RetryLater
from tidings.wire.smtp_url import read_smtp_url

SENDER = "Tidings <no-reply@tidings.example>"
CONTENT = MailContent(
    template="notification",
    subject="Deployed",
    from_name="Release Bot",
    text="Version 7 is live.",
    topic_name="releases",
    cancel_url="https://tidings.example/s/cancel/abc",
    one_click_url="https://tidings.example/s/one-click/abc",
    list_id="releases.000000000000.tidings.example",
)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as running:
        yield running


@asynccontextmanager
async def channel_to(url: str, **options) -> AsyncIterator[EmailChannel]:
    channel = EmailChannel(
        permit_if(options.pop("may_go", lambda _: True)), relay=read_smtp_url(url), mail_from=SENDER, **options
    )
    try:
        yield channel
    finally:
        await channel.close()


async def outcome_of(channel: EmailChannel, content=CONTENT, endpoint="bob@example.com", **options):
    outcomes = Outcomes()
    outgoing = make_outgoing(content, endpoint, **options)
    channel.send(outgoing, outcomes)
    return await outcomes.of(outgoing)


async def test_a_mail_arrives_with_sender_recipient_and_both_texts(mailbox):
    async with channel_to(mailbox.url) as channel:
        outcome = await outcome_of(channel)
    mail = mailbox.next()
    assert outcome == Delivered("250 2.0.0 kept as 1")
    assert mail.sender == "no-reply@tidings.example"
    assert mail.recipients == ("bob@example.com",)
    assert mail.message["From"] == "Release Bot <no-reply@tidings.example>"
    assert mail.message["To"] == "bob@example.com"
    assert mail.message["Subject"] == "Deployed"
    assert mail.text().startswith("Version 7 is live.\n")
    assert "https://tidings.example/s/cancel/abc" in mail.text()
    assert 'href="https://tidings.example/s/cancel/abc"' in mail.html()


async def test_mailboxes_can_unsubscribe_with_one_click(mailbox):
    async with channel_to(mailbox.url) as channel:
        await outcome_of(channel)
    message = mailbox.next().message
    assert message["List-Unsubscribe"] == "<https://tidings.example/s/one-click/abc>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Id"] == "<releases.000000000000.tidings.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Precedence"] == "bulk"


async def test_two_attempts_of_one_delivery_are_the_same_mail(mailbox):
    async with channel_to(mailbox.url) as channel:
        await outcome_of(channel)
        await outcome_of(channel)
    first, second = mailbox.wait_for(2)
    assert first.raw == second.raw
    assert first.message["Message-ID"].endswith("@tidings.example>")


async def test_several_mails_share_a_connection(mailbox):
    async with channel_to(mailbox.url, connections_max=2) as channel:
        outcomes = Outcomes()
        for number in range(40):
            channel.send(make_outgoing(CONTENT, f"reader{number}@example.com"), outcomes)
        assert all(isinstance(outcome, Delivered) for outcome in await outcomes.wait_for(40))
    assert {mail.recipients[0] for mail in mailbox.messages} == {f"reader{number}@example.com" for number in range(40)}
    assert mailbox.connections == 2


async def test_a_connection_carries_so_many_mails_and_no_more(mailbox, monkeypatch):
    monkeypatch.setattr(relay, "MAILS_PER_CONNECTION", 3)
    async with channel_to(mailbox.url, connections_max=1) as channel:
        opened = []
        for _ in range(7):
            assert isinstance(await outcome_of(channel), Delivered)
            opened.append(mailbox.connections)
    assert opened == [1, 1, 1, 2, 2, 2, 3]


async def test_an_unknown_recipient_is_refused_and_the_connection_goes_on(mailbox):
    mailbox.refuse = lambda stage, address: (
        "550 5.1.1 no such user" if stage == "rcpt" and address.startswith("x") else None
    )
    async with channel_to(mailbox.url, connections_max=1) as channel:
        assert await outcome_of(channel, endpoint="x@example.com") == Refused("550 5.1.1 no such user")
        assert isinstance(await outcome_of(channel), Delivered)
    assert mailbox.connections == 1


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
async def test_a_temporary_reply_at_any_stage_is_tried_later(mailbox, stage):
    mailbox.refuse = lambda at, _: "451 4.7.1 greylisted" if at == stage else None
    async with channel_to(mailbox.url) as channel:
        assert await outcome_of(channel) == RetryLater("451 4.7.1 greylisted")


@pytest.mark.parametrize("stage", ["mail", "data"])
async def test_a_permanent_reply_at_any_stage_is_final(mailbox, stage):
    mailbox.refuse = lambda at, _: "554 5.7.1 rejected" if at == stage else None
    async with channel_to(mailbox.url) as channel:
        assert await outcome_of(channel) == Refused("554 5.7.1 rejected")


async def test_a_relay_that_goes_away_is_met_again_on_a_new_connection(mailbox):
    async with channel_to(mailbox.url) as channel:
        assert isinstance(await outcome_of(channel), Delivered)
        mailbox.drop_connections()
        assert isinstance(await outcome_of(channel), Delivered)
    assert mailbox.connections == 2


async def test_a_relay_that_is_down_means_later(mailbox):
    mailbox.stop()
    async with channel_to(mailbox.url) as channel:
        outcome = await outcome_of(channel)
        assert isinstance(outcome, RetryLater)
        assert str(mailbox.port) in outcome.reason
        mailbox.start()
        assert isinstance(await outcome_of(channel), Delivered)


async def test_an_attempt_ends_at_its_time_out(mailbox):
    mailbox.pause()
    async with channel_to(mailbox.url) as channel:
        assert await outcome_of(channel, timeout_s=0.3) == RetryLater("no answer from the mail relay within 0.3 s")
    mailbox.resume()


async def test_a_mail_that_waited_longer_than_its_time_out_goes_back(mailbox):
    mailbox.pause()
    async with channel_to(mailbox.url, connections_max=1) as channel:
        outcomes = Outcomes()
        first, second = (make_outgoing(CONTENT, "bob@example.com", timeout_s=limit) for limit in (0.3, 0.1))
        channel.send(first, outcomes)
        channel.send(second, outcomes)
        assert isinstance(await outcomes.of(first), RetryLater)
        assert isinstance(await outcomes.of(second), Busy)
    mailbox.resume()
    assert len(mailbox.messages) == 1


async def test_a_full_queue_says_busy_and_sends_the_rest(mailbox):
    mailbox.pause()
    async with channel_to(mailbox.url, connections_max=1, held_max=3) as channel:
        outcomes = Outcomes()
        for _ in range(5):
            channel.send(make_outgoing(CONTENT, "bob@example.com"), outcomes)
        assert [type(outcome) for outcome in await outcomes.wait_for(2)] == [Busy, Busy]
        mailbox.resume()
        assert [type(outcome) for outcome in await outcomes.wait_for(5)] == [
            Busy,
            Busy,
            Delivered,
            Delivered,
            Delivered,
        ]


async def test_what_lost_its_consent_while_it_waited_is_not_sent(mailbox):
    consenting = True
    mailbox.pause()
    async with channel_to(mailbox.url, connections_max=1, may_go=lambda _: consenting) as channel:
        outcomes = Outcomes()
        first, second = make_outgoing(CONTENT, "bob@example.com"), make_outgoing(CONTENT, "eve@example.com")
        channel.send(first, outcomes)
        await mailbox.next_async()
        channel.send(second, outcomes)
        consenting = False
        mailbox.resume()
        assert isinstance(await outcomes.of(first), Delivered)
        assert isinstance(await outcomes.of(second), Blocked)
    assert [mail.recipients for mail in mailbox.messages] == [("bob@example.com",)]


async def test_closing_gives_back_what_waits_and_finishes_what_has_started(mailbox):
    mailbox.pause()
    channel = EmailChannel(permit_all, relay=read_smtp_url(mailbox.url), mail_from=SENDER, connections_max=1)
    outcomes = Outcomes()
    first, second = make_outgoing(CONTENT, "bob@example.com"), make_outgoing(CONTENT, "eve@example.com")
    channel.send(first, outcomes)
    await mailbox.next_async()
    channel.send(second, outcomes)
    closing = asyncio.create_task(channel.close())
    assert isinstance(await outcomes.of(second), Busy)
    mailbox.resume()
    await closing
    assert isinstance(await outcomes.of(first), Delivered)
    third = make_outgoing(CONTENT, "late@example.com")
    channel.send(third, outcomes)
    assert isinstance(await outcomes.of(third), Busy)


@pytest.mark.parametrize("endpoint", ["", "bob", "a@b@c", "a b@example.com", "x@exa\r\nmple.com", "<a@b.c>", "a@-.com"])
async def test_what_is_no_address_is_refused_without_a_connection(mailbox, endpoint):
    async with channel_to(mailbox.url) as channel:
        assert isinstance(await outcome_of(channel, endpoint=endpoint), Refused)
    assert mailbox.connections == 0


async def test_content_for_another_channel_is_refused(mailbox):
    async with channel_to(mailbox.url) as channel:
        assert isinstance(await outcome_of(channel, TextContent("hi")), Refused)


async def test_an_international_address_needs_a_relay_that_takes_it():
    with Mailbox() as modern, Mailbox(smtputf8=False) as old:
        async with channel_to(modern.url) as channel:
            assert isinstance(await outcome_of(channel, endpoint="用户@例子.example"), Delivered)
        async with channel_to(old.url) as channel:
            assert isinstance(await outcome_of(channel, endpoint="用户@例子.example"), Refused)
            assert isinstance(await outcome_of(channel, endpoint="user@例子.example"), Delivered)
        mail = modern.next()
        assert mail.recipients == ("用户@xn--fsqu00a.example",)
        assert "SMTPUTF8" in mail.options
        assert old.next().recipients == ("user@xn--fsqu00a.example",)


async def test_user_and_password_sign_in():
    with Mailbox(users={"relay user": "p@ss:wörd"}) as mailbox:
        host = f"127.0.0.1:{mailbox.port}"
        async with channel_to(f"smtp://relay%20user:p%40ss%3Aw%C3%B6rd@{host}") as channel:
            assert isinstance(await outcome_of(channel), Delivered)
        assert mailbox.next().user == "relay user"
        async with channel_to(f"smtp://{host}") as channel:
            assert await outcome_of(channel) == RetryLater("530 5.7.0 sign in first")
        async with channel_to(f"smtp://relay%20user:wrong@{host}") as channel:
            outcome = await outcome_of(channel)
        assert isinstance(outcome, RetryLater)
        assert "535" in outcome.reason
        assert "wrong" not in outcome.reason


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> ssl.SSLContext:
    folder = tmp_path_factory.mktemp("tls")
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mailbox.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, None)
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


async def test_optional_starttls_is_used_when_offered(certificate):
    with Mailbox(tls=certificate) as mailbox:
        async with channel_to(mailbox.url) as channel:
            assert isinstance(await outcome_of(channel), Delivered)


@pytest.mark.parametrize("implicit", [True, False])
async def test_a_certificate_nobody_vouches_for_means_later(certificate, implicit):
    with Mailbox(tls=certificate, implicit_tls=implicit) as mailbox:
        url = mailbox.url if implicit else f"{mailbox.url}?starttls=required"
        async with channel_to(url) as channel:
            outcome = await outcome_of(channel)
        assert isinstance(outcome, RetryLater)
        assert "certificate" in outcome.reason
        assert mailbox.messages == []


async def test_required_starttls_sends_nothing_in_clear(mailbox):
    async with channel_to(f"{mailbox.url}?starttls=required") as channel:
        assert isinstance(await outcome_of(channel), RetryLater)
    assert mailbox.messages == []


async def test_a_signed_mail_verifies_as_it_arrived(mailbox):
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    published = base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    signer = DkimKey.from_pem("tidings.example", "mail", pem)
    async with channel_to(mailbox.url, dkim=signer) as channel:
        await outcome_of(channel)
    raw = mailbox.next().raw

    def dns(name, timeout=5):
        assert name == b"mail._domainkey.tidings.example."
        return b"v=DKIM1; k=rsa; p=" + published

    assert dkim.verify(raw, dnsfunc=dns)
    assert not dkim.verify(raw.replace(b"Version 7", b"Version 8"), dnsfunc=dns)
    assert not dkim.verify(b"List-Unsubscribe: <https://evil.example>\r\n" + raw, dnsfunc=dns)
