"""One connection to the operator's SMTP relay that carries several mails.

Called by the email channel's workers. Knows SMTP's order of commands; never decides what a reply means for a delivery.
Sources: RFC 5321, RFC 3207 (STARTTLS), RFC 4954 (AUTH), RFC 1870 (SIZE), RFC 6531 (SMTPUTF8).
"""

from __future__ import annotations

import ssl
from contextlib import suppress

import aiosmtplib

from tidings.channels.mime import Mail
from tidings.wire.smtp_url import SmtpUrl

MAILS_PER_CONNECTION = 100
"""Relays commonly close after 100 or more; a new connection per 100 mails costs nothing that shows."""
QUIT_S = 2.0


def tls_context(relay: SmtpUrl) -> ssl.SSLContext:
    """Verifies the relay's certificate, unless TLS is opportunistic: then clear text would be acceptable too."""
    context = ssl.create_default_context()
    if relay.starttls == "optional":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class Connection:
    """One SMTP session at a time. Every method may raise what aiosmtplib raises, OSError or TimeoutError."""

    def __init__(self, relay: SmtpUrl, context: ssl.SSLContext, greeting: str) -> None:
        self._relay = relay
        self._context = context
        self._greeting = greeting
        self._client: aiosmtplib.SMTP | None = None
        self._mails = 0

    async def open(self) -> bool:
        """Be connected, greeted and signed in; returns whether that was so before."""
        if self._client is not None and self._client.is_connected:
            if self._mails < MAILS_PER_CONNECTION:
                return True
            await self.quit()
        relay = self._relay
        self._mails = 0
        self._client = aiosmtplib.SMTP(
            hostname=relay.host,
            port=relay.port,
            username=relay.user or None,
            password=relay.password if relay.user else None,
            local_hostname=self._greeting,
            timeout=None,  # the attempt's own time-out bounds everything
            use_tls=relay.implicit_tls,
            start_tls={"required": True, "optional": None, "no": False}.get(relay.starttls, False),
            tls_context=self._context,
        )
        await self._client.connect()
        if self._client.is_ehlo_or_helo_needed:
            with suppress(
                aiosmtplib.SMTPHeloError
            ):  # a relay from before 1995: aiosmtplib says HELO with the first mail
                await self._client.ehlo()
        return False

    def takes_utf8(self) -> bool:
        """Whether the relay takes addresses beyond ASCII."""
        return self._open_client().supports_extension("smtputf8")

    async def begin(self, mail: Mail, size: int) -> None:
        """MAIL FROM. Nothing about the recipient has left when this fails."""
        client = self._open_client()
        options = [f"SIZE={size}"] if client.supports_extension("size") else []
        if mail.utf8:
            options += ["SMTPUTF8", "BODY=8BITMIME"]
        await client.mail(mail.sender, options=options, encoding="utf-8" if mail.utf8 else "ascii")

    async def finish(self, mail: Mail, raw: bytes) -> str:
        """RCPT TO and DATA; returns the relay's last reply."""
        client = self._open_client()
        await client.rcpt(mail.recipient, encoding="utf-8" if mail.utf8 else "ascii")
        reply = await client.data(raw)
        self._mails += 1
        return f"{reply.code} {reply.message}"

    async def reset(self) -> None:
        """Forget a mail that was refused half-way, so that the next may follow."""
        client = self._open_client()
        if client.is_connected:
            await client.rset()

    def abort(self) -> None:
        """Drop the connection without a word. Safe to repeat."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def quit(self) -> None:
        """Say good-bye if somebody listens, and close. Does not raise."""
        if self._client is not None and self._client.is_connected:
            with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                await self._client.quit(timeout=QUIT_S)
        self.abort()

    def _open_client(self) -> aiosmtplib.SMTP:
        if self._client is None:
            raise aiosmtplib.SMTPServerDisconnected("connection was closed")
        return self._client
