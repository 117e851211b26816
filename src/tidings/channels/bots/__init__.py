"""Group bots of chat services: Feishu (Lark), DingTalk, WeCom and WeLink.

`channel` implements the `Channel` port and posts through the web hooks' channel, `forms` makes each service's request,
`answers` reads what it says. Only `wiring` imports this package.
"""

from tidings.channels.bots.channel import BotChannel

__all__ = ["BotChannel"]
