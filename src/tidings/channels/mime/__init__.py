"""What a mail looks like: from `MailContent` to the octets a relay takes. Shared by the email channel and the outbox.

`wire/mail_address` reads senders and recipients, `render` fills the templates, `compose` builds headers and MIME, `dkim` signs. All
pure: no socket, no clock, no randomness, so equal arguments give equal octets.
"""

from tidings.channels.mime.compose import Mail, compose, mail_of, octets
from tidings.channels.mime.dkim import DkimKey

__all__ = ["DkimKey", "Mail", "compose", "mail_of", "octets"]
