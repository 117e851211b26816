"""Text messages by SMPP 3.4, both ways.

`channel` implements the `Channel` port and hands texts to the binds, `bind` keeps one bind up, `session` speaks on one connection,
`text` is one text on its way, `ears` takes in what phones say. Only `wiring` imports this package.
"""

from tidings.channels.sms.bind import BindStatus
from tidings.channels.sms.channel import SmppChannel
from tidings.channels.sms.text import Timing

__all__ = ["BindStatus", "SmppChannel", "Timing"]
