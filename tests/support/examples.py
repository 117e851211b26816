"""How many examples a property gets that wants another number than Hypothesis' hundred."""

from __future__ import annotations

from hypothesis import settings


def examples(count: int) -> int:
    """`count` in the suite, and in proportion under another profile (tests/conftest.py)."""
    return max(3, count * settings.default.max_examples // 100) if settings.default else count
