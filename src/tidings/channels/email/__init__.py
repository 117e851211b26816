"""The way out by mail: `email` and `email-json` through the operator's SMTP relay."""

from tidings.channels.email.channel import EmailChannel

__all__ = ["EmailChannel"]
