"""The channel of group bots: makes the service's request, posts it through the web hooks' channel, and reads the answer.

Called by delivery like any channel. Connections, egress rules, time-outs and consent are the web hooks' channel's: an attempt here
is one attempt there. Never keeps anything.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from functools import partial

from tidings.channels.bots.answers import read_answer
from tidings.channels.bots.forms import FORMS
from tidings.domain.envelope import BotContent, HttpContent, Outgoing
from tidings.domain.outcomes import Outcome, Refused
from tidings.domain.ports import Poster, Settle

HEAD = b"Content-Type: application/json; charset=utf-8\r\nUser-Agent: Tidings\r\n"


class BotChannel:
    """`feishu`, `dingding`, `wechat` and `welink`."""

    protocols = frozenset(FORMS)

    def __init__(self, http: Poster, *, now_s: Callable[[], float] = time.time) -> None:
        """http: posts, and asks the permit. now_s: real time, because the services check signatures by theirs."""
        self._http = http
        self._now_s = now_s

    def send(self, outgoing: Outgoing, settle: Settle) -> None:
        protocol = outgoing.subscriber.protocol
        content = outgoing.content
        try:
            if not isinstance(content, BotContent):
                raise ValueError("the message has no form for bots")
            address, body = FORMS[protocol](content, outgoing.endpoint, self._now_s(), secrets.token_hex(16))
        except ValueError as error:
            settle(outgoing, Refused(str(error)))
            return
        request = Outgoing(
            outgoing.message,
            outgoing.subscriber,
            address,
            HttpContent(HEAD, body),
            outgoing.attempt,
            outgoing.timeout_s,
        )

        def settled(_: Outgoing, outcome: Outcome) -> None:
            settle(outgoing, outcome)

        self._http.send(request, settled, partial(read_answer, protocol))

    async def close(self) -> None:
        """Whatever is on its way belongs to the web hooks' channel, which is closed by itself."""
