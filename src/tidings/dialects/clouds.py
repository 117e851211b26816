"""The clouds whose clients are served. Of requests that bear the marks of several, the first here answers."""

from __future__ import annotations

from tidings.dialects.cloud import Cloud
from tidings.dialects.smn.cloud import CLOUD as SMN
from tidings.dialects.sns.cloud import CLOUD as SNS
from tidings.dialects.tencent.cloud import CLOUD as TENCENT

CLOUDS: tuple[Cloud, ...] = (TENCENT, SMN, SNS)
"""SNS last: any POST of the root is its own."""
