"""The way out by mail: `email` and `email-json` through the operator's SMTP relay."""

from tidings.channels.email.channel import EmailChannel
from tidings.channels.email.relay import Relay

__all__ = ["EmailChannel", "Relay"]
