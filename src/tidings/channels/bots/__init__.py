"""Group bots of chat services: Feishu (Lark), DingTalk, WeCom and WeLink.

`channel` implements the `Channel` port and posts through the web hooks' channel, `forms` makes each service's request,
`answers` reads what it says. Only `wiring` imports this package.
"""

from functools import partial

from tidings.channels.bots.channel import BotChannel
from tidings.domain.protocols import Protocol
from tidings.wire import endpoint_forms, masking

__all__ = ["PROTOCOLS", "BotChannel"]

PROTOCOLS = tuple(
    # What follows the host lets anybody speak in the group.
    Protocol(name=name, check=partial(endpoint_forms.url, "https"), mask=masking.web, word="http")
    for name in ("dingding", "feishu", "wechat", "welink")
)
