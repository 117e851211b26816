"""Every protocol that the application knows."""

from __future__ import annotations

from tidings.domain.protocols import Protocols
from tidings.wiring.channels import CHANNELS

PROTOCOLS = Protocols(protocol for kind in CHANNELS for protocol in kind.protocols)
