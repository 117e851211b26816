"""How the clouds name topics, as wiring hands it on."""

from __future__ import annotations

from tidings.dialects.clouds import CLOUDS

RESOURCE_NAMES = {cloud.name: cloud.names for cloud in CLOUDS if cloud.names is not None}
