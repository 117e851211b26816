"""Text messages by SMPP 3.4, both ways.

`channel` implements the `Channel` port and hands texts to the binds, `bind` keeps one bind up, `session` speaks on one connection,
`text` is one text on its way, `inbound` takes in what phones say. Only `wiring` imports this package.
"""

from tidings.channels.sms.bind import BindStatus
from tidings.channels.sms.channel import SmppChannel
from tidings.channels.sms.text import Timing
from tidings.domain.protocols import Protocol
from tidings.wire import endpoint_forms, masking

__all__ = ["PROTOCOLS", "BindStatus", "SmppChannel", "Timing"]

PROTOCOLS = (Protocol(name="sms", check=endpoint_forms.phone_number, mask=masking.phone, word="sms", is_person=True),)
