"""What customers' own servers are told: outcomes of their texts, replies, changes of consent.

`callbacks` finds the applications that want to be told, `feed` is one callback's place in its log, `forms` are the bodies
and what an answer means. The loop of delivery has no part in it.
"""

from tidings.callbacks.callbacks import Callbacks

__all__ = ["Callbacks"]
