"""The text of a template: which variables `{name}` it has, and what it says once they are filled in. Pure.

Source: SMN user guide, "Message Template Management"; SMN API reference, "Creating a Message Template".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tidings.dialects.smn import codec
from tidings.dialects.smn.errors import refuse
from tidings.dialects.smn.limits import (
    MESSAGE_BYTES_MAX,
    VARIABLE_CHARACTERS_MAX,
    VARIABLE_OCCURRENCES_MAX,
    VARIABLES_MAX,
)

_VARIABLE = re.compile(rf"\{{([A-Za-z0-9][A-Za-z0-9._-]{{0,{VARIABLE_CHARACTERS_MAX - 1}}})\}}")


def variables(content: str) -> list[str]:
    """The distinct variables in the order of their first occurrence."""
    return list(dict.fromkeys(_VARIABLE.findall(content)))


def filled(content: str, tags: Mapping[str, str]) -> str:
    """Put the values where their variables stand; a variable without a value stays as it is.

    One pass: what looks like a variable inside a value is the value's own text.
    """
    return _VARIABLE.sub(lambda found: tags.get(found[1], found[0]), content)


def check_content(content: str | None) -> str:
    """A text that can be kept as a template. Raises SmnError SMN.0024."""
    fault = refuse("SMN.0024")
    if not content or not codec.is_text(content) or codec.size(content) > MESSAGE_BYTES_MAX:
        raise fault
    found = _VARIABLE.findall(content)
    if len(found) > VARIABLE_OCCURRENCES_MAX or len(set(found)) > VARIABLES_MAX:
        raise fault
    return content
