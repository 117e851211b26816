"""The way out to queues: `sqs`, to AWS or whatever speaks its protocol."""

from tidings.channels.sqs.channel import SqsChannel

__all__ = ["SqsChannel"]
