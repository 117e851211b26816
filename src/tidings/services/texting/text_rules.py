"""What signs and templates may look like. Pure; called by `text_catalog` and, for what a file provisions, `provisioned_sms`.

Source: Tencent Cloud SMS signature and body template review standards.
"""

from __future__ import annotations

from tidings.domain.errors import InvalidValue
from tidings.domain.template_texts import CONTENT_CHARACTERS_MAX, places
from tidings.wire.plain_text import is_plain

NAME_CHARACTERS_MAX = 100
REMARK_CHARACTERS_MAX = 500
SIGN_CHARACTERS_MAX = 30


def check_sign(content: str, remark: str = "") -> None:
    """Raises InvalidValue (`content`, `content length`, `remark`)."""
    if len(content) > SIGN_CHARACTERS_MAX:
        raise InvalidValue("content length", f"at most {SIGN_CHARACTERS_MAX} characters", content)
    if not content.strip() or content != content.strip() or not is_plain(content) or set("【】[]") & set(content):
        raise InvalidValue("content", "not empty, without brackets and blanks around it", content)
    check_text("remark", remark, REMARK_CHARACTERS_MAX)


def check_template(name: str, content: str, remark: str = "") -> None:
    """Raises InvalidValue (`name`, `content`, `content length`, `remark`)."""
    if not name.strip():
        raise InvalidValue("name", "not empty")
    check_text("name", name, NAME_CHARACTERS_MAX)
    if len(content) > CONTENT_CHARACTERS_MAX:
        raise InvalidValue("content length", f"at most {CONTENT_CHARACTERS_MAX} characters", content)
    if not content.strip():
        raise InvalidValue("content", "not empty")
    check_text("content", content, CONTENT_CHARACTERS_MAX)
    places(content)
    check_text("remark", remark, REMARK_CHARACTERS_MAX)


def check_reply(text: str) -> None:
    """What whoever decides on one says of it. Raises InvalidValue (`reply`)."""
    check_text("reply", text, REMARK_CHARACTERS_MAX)


def check_text(field: str, text: str, characters_max: int) -> None:
    if len(text) > characters_max:
        raise InvalidValue(field, f"at most {characters_max} characters", text)
    if any((ord(c) < 32 and c not in "\n\r\t") or ord(c) == 127 or 0xD800 <= ord(c) <= 0xDFFF for c in text):
        raise InvalidValue(field, "no control characters", text)
