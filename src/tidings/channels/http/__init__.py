"""Web hooks: the http and https channel with its own small HTTP/1.1 client.

`channel` implements the `Channel` port, `lane` is what goes to one host, `connection` is one socket, `dial` opens it to an
address that `wire/egress` permits, `resolve` finds addresses, `sockets` keeps their number bounded, `request` and `answer`
are the two halves of the exchange, `answer_classifier` reads an answer's body too. Only `wiring` imports this package.
"""

from functools import partial

from tidings.channels.http.channel import HttpChannel
from tidings.domain.protocols import Protocol
from tidings.wire import endpoint_forms, masking

__all__ = ["PROTOCOLS", "HttpChannel"]

PROTOCOLS = tuple(
    Protocol(
        name=scheme,
        check=partial(endpoint_forms.url, scheme),
        mask=masking.web,
        recipient=endpoint_forms.web_recipient,
        word="http",
    )
    for scheme in ("http", "https")
)
