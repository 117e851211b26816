"""What each chat service's group bot takes: from a `BotContent` to an address and a JSON body. Pure.

Called by `channel` for every attempt, because most forms carry the time and a signature over it. Sources: Feishu Open Platform,
"Custom bot usage guide"; DingTalk Open Platform, "Custom robot access" and "security settings"; WeCom developer center, "Group
robot configuration" (path 91770); WeLink Open Platform, group webhook robots; huaweicloudsdksmn, PublishMessageRequestBody.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

from msgspec.json import encode

from tidings.domain.envelope import BotContent

TITLE_DEFAULT = "Message"
"""DingTalk refuses a markdown message without a title; it shows the title in lists of chats only."""

FEISHU_BYTES_MAX = 20 * 1024
DINGTALK_BYTES_MAX = 20_000
WECOM_TEXT_BYTES_MAX = 2_048
WECOM_MARKDOWN_BYTES_MAX = 4_096
WELINK_CHARACTERS_MAX = 500

Form = Callable[[BotContent, str, float, str], tuple[str, bytes]]
"""(content, endpoint, seconds since the epoch, 32 random hex digits) -> (address to post to, body). Raises ValueError."""


def feishu(content: BotContent, endpoint: str, now_s: float, _: str) -> tuple[str, bytes]:
    text = _with_keyword(content)
    if content.form == "markdown":
        body = {"msg_type": "interactive", "card": _card(content, text)}
    else:
        body = {"msg_type": "text", "content": {"text": text}}
    if content.sign_secret:
        timestamp = str(int(now_s))
        # The text to sign is the key here, and what is signed is empty.
        body |= {"timestamp": timestamp, "sign": _hmac(f"{timestamp}\n{content.sign_secret}", "")}
    return endpoint, _bounded(encode(body), FEISHU_BYTES_MAX)


def _card(content: BotContent, text: str) -> dict[str, Any]:
    card: dict[str, Any] = {"elements": [{"tag": "markdown", "content": text}]}
    if content.title:
        header: dict[str, Any] = {"title": {"tag": "plain_text", "content": content.title}}
        if content.color:
            header["template"] = content.color
        card["header"] = header
    return card


def dingding(content: BotContent, endpoint: str, now_s: float, _: str) -> tuple[str, bytes]:
    text = _with_keyword(content)
    if content.form == "markdown":
        body: dict[str, Any] = {
            "msgtype": "markdown",
            "markdown": {"title": content.title or TITLE_DEFAULT, "text": text},
        }
    else:
        body = {"msgtype": "text", "text": {"content": text}}
    if content.mentions:
        body["at"] = content.mentions
    if content.sign_secret:
        timestamp = int(now_s * 1000)
        sign = _hmac(content.sign_secret, f"{timestamp}\n{content.sign_secret}")
        address = endpoint.partition("#")[0]
        joint = "&" if "?" in address else "?"
        endpoint = f"{address}{joint}timestamp={timestamp}&sign={quote_plus(sign)}"
    return endpoint, _bounded(encode(body), DINGTALK_BYTES_MAX)


def wechat(content: BotContent, endpoint: str, _: float, __: str) -> tuple[str, bytes]:
    form = "markdown" if content.form == "markdown" else "text"
    _bounded(content.text.encode(), WECOM_MARKDOWN_BYTES_MAX if form == "markdown" else WECOM_TEXT_BYTES_MAX)
    return endpoint, encode({"msgtype": form, form: {"content": content.text}})


def welink(content: BotContent, endpoint: str, now_s: float, uuid: str) -> tuple[str, bytes]:
    """Knows plain text only."""
    if len(content.text) > WELINK_CHARACTERS_MAX:
        raise ValueError(f"longer than {WELINK_CHARACTERS_MAX} characters")
    body = {
        "messageType": "text",
        "content": {"text": content.text},
        "timeStamp": int(now_s * 1000),
        "uuid": uuid,
        "isAt": False,
        "isAtAll": False,
    }
    return endpoint, encode(body)


FORMS: dict[str, Form] = {"feishu": feishu, "dingding": dingding, "wechat": wechat, "welink": welink}


def _with_keyword(content: BotContent) -> str:
    """The text, with the word at its end without which the service would refuse it."""
    word = content.keyword
    shown = content.text + content.title if content.form == "markdown" else content.text
    return content.text if not word or word in shown else f"{content.text}\n{word}"


def _bounded(text: bytes, most: int) -> bytes:
    if len(text) > most:
        raise ValueError(f"longer than {most} bytes")
    return text


def _hmac(key: str, text: str) -> str:
    return b64encode(hmac.digest(key.encode(), text.encode(), "sha256")).decode()
