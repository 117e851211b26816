"""The way out by mail: `email` and `email-json` through the operator's SMTP relay."""

from tidings.channels.email.channel import EmailChannel
from tidings.domain.protocols import Protocol
from tidings.wire import endpoint_forms, masking

__all__ = ["PROTOCOLS", "EmailChannel"]

PROTOCOLS = tuple(
    Protocol(
        name=name,
        check=endpoint_forms.mail_address,
        mask=masking.mail,
        recipient=endpoint_forms.mail_recipient,
        word="email",
        is_person=True,
    )
    for name in ("email", "email-json")
)
