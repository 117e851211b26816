"""The way out to queues: `sqs`, to AWS or whatever speaks its protocol."""

from tidings.channels.sqs.channel import SqsChannel
from tidings.domain.protocols import Protocol
from tidings.wire import endpoint_forms, masking

__all__ = ["PROTOCOLS", "SqsChannel"]

PROTOCOLS = (
    Protocol(name="sqs", check=endpoint_forms.queue, mask=masking.last_part, owner=endpoint_forms.queue_owner),
)
