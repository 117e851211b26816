"""Web hooks: the http and https channel with its own small HTTP/1.1 client.

`channel` implements the `Channel` port, `lane` is what goes to one host, `connection` is one socket, `dial` opens it to an
address that `wire/egress` permits, `resolve` finds addresses, `sockets` keeps their number bounded, `request` and `answer`
are the two halves of the exchange, `judged` reads an answer's body too. Only `wiring` imports this package.
"""

from tidings.channels.http.channel import HttpChannel

__all__ = ["HttpChannel"]
