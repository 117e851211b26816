"""Text messages through an HTTP gateway, where there is no SMPP: Kannel, or whatever speaks our own documented form.

`channel` implements the `Channel` port and sends through a web hooks' channel of its own, `forms` makes the requests, `answers` reads
what the gateway says. What gateways bring comes in through `dialects/gateways`. Only `wiring` imports this package.
"""

from tidings.channels.sms_gateway.channel import SmsGatewayChannel

__all__ = ["SmsGatewayChannel"]
