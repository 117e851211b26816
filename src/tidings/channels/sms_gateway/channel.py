"""The channel of texts through an HTTP gateway: makes the request, sends it through a web hooks' channel, and reads the answer.

Called by delivery like any channel. Connections, queues and time-outs are those of the web hooks' channel that it has for itself. An
attempt whose answer was lost is repeated by delivery under the same id: a text that comes twice is the lesser evil. Never keeps
anything, never decides when to try again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tidings.channels.sms_gateway import forms
from tidings.channels.sms_gateway.answers import read_kannel, read_webhook
from tidings.domain.envelope import HttpContent, Outgoing, Permit, TextContent
from tidings.domain.outcomes import Outcome, Refused
from tidings.domain.ports import AnswerClassifier, ClosingPoster, Settle
from tidings.wire.gateway_url import GatewayKind, GatewayUrl


@dataclass(slots=True, eq=False)
class _Carried(Outgoing):
    """The request that carries a text."""

    text: Outgoing | None = None


class SmsGatewayChannel:
    """`sms` through one gateway.

    connect: makes the channel that carries the requests, with a permit of ours; it is closed with us and should reach `egress.ANYWHERE`.
    public_url, secret: for Kannel's receipts, and `secret` for our own form's signature; without it those are not signed.
    now_s: real time, because the gateway checks signatures by its own. Raises ValueError when receipts are wanted without a secret.
    """

    protocols = frozenset({"sms"})

    def __init__(
        self,
        permit: Permit,
        connect: Callable[[Permit], ClosingPoster],
        url: GatewayUrl,
        *,
        public_url: str,
        secret: str = "",
        now_s: Callable[[], float] = time.time,
    ) -> None:
        if url.receipts and not secret:
            raise ValueError("SMS gateway URL: dlr=1 needs a gateway secret, or nobody could bring receipts")
        self._permit = permit
        self._http = connect(self._refusal)
        self._url = url
        self._public_url = public_url
        self._secret = secret
        self._now_s = now_s

    def send(self, outgoing: Outgoing, settle: Settle) -> None:
        content = outgoing.content
        try:
            if not isinstance(content, TextContent):
                raise ValueError("the message has no form for phones")
            dressed, classify = self._for_subscriber(outgoing, content)
        except ValueError as error:
            settle(outgoing, Refused(str(error)))
            return
        carried = _Carried(
            outgoing.message,
            outgoing.subscriber,
            self._url.endpoint,
            dressed,
            outgoing.attempt,
            outgoing.timeout_s,
            text=outgoing,
        )

        def settled(_: Outgoing, outcome: Outcome) -> None:
            settle(outgoing, outcome)

        self._http.send(carried, settled, classify)

    async def close(self) -> None:
        """Give back what waits, and wait for what was started."""
        await self._http.close()

    def _refusal(self, carried: Outgoing) -> Outcome | None:
        """What the gate says of the text; it knows nothing of the request."""
        assert isinstance(carried, _Carried)
        assert carried.text is not None
        return self._permit(carried.text)

    def _for_subscriber(self, outgoing: Outgoing, content: TextContent) -> tuple[HttpContent, AnswerClassifier]:
        text_id = forms.own_id(outgoing)
        if self._url.kind is GatewayKind.WEBHOOK:
            dressed = forms.webhook(self._url, outgoing, content, self._secret, int(self._now_s()))
            return dressed, partial(read_webhook, text_id if self._url.receipts else "")
        if not self._url.receipts:
            return forms.kannel(self._url, outgoing, content, ""), partial(read_kannel, ())
        receipt_url = forms.kannel_receipt_url(self._public_url, self._secret, text_id)
        return forms.kannel(self._url, outgoing, content, receipt_url), partial(read_kannel, (text_id,))
