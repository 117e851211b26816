"""From text to value: one small parser for each kind of setting. Called by `tidings.settings`; each raises ValueError with a
reason that reads on after the setting's name (`must be …`) and never repeats what was given, because it may hold a secret."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from tidings.wire.mail_address import read_sender
from tidings.wire.plain_text import is_plain

MASK = "********"

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Listen:
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class SecretUrls:
    """URLs with passwords, as they were given; shown with the passwords masked. What else they say is read where they are used."""

    urls: tuple[str, ...]

    def __str__(self) -> str:
        return ",".join(_masked(url) for url in self.urls)


def _masked(url: str) -> str:
    if url.startswith(("http", "kannel")):  # keys stand in the options of such URLs, or in place of a user
        return re.sub(r"://[^/@]*@", f"://{MASK}@", re.sub(r"\?.*", f"?{MASK}", url))
    return re.sub(r"(://[^/@:]*:)[^/]*@", rf"\1{MASK}@", url)


def text(raw: str) -> str:
    if not is_plain(raw):
        raise ValueError("must be printable text")
    return raw


def matching(pattern: str, meaning: str) -> Callable[[str], str]:
    compiled = re.compile(pattern)

    def parse(raw: str) -> str:
        if not compiled.fullmatch(raw):
            raise ValueError(f"must be {meaning}")
        return raw

    return parse


def choice(*choices: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if raw.lower() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return raw.lower()

    return parse


def whole(least: int, most: int) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", raw) or not least <= int(raw) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(raw)

    return parse


def seconds(least: float, most: float) -> Callable[[str], float]:
    def parse(raw: str) -> float:
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", raw) or not least <= float(raw) <= most:
            raise ValueError(f"must be a number from {least:g} to {most:g}")
        return float(raw)

    return parse


def switch(raw: str) -> bool:
    on, off = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
    if raw.lower() not in on + off:
        raise ValueError("must be on or off (true/false, yes/no, 1/0)")
    return raw.lower() in on


def path(raw: str) -> Path:
    if "\0" in raw:
        raise ValueError("must be a path")
    try:
        return Path(raw).expanduser()
    except RuntimeError as error:
        raise ValueError("must be a path; what follows its ~ is nobody's name here") from error


def listen(raw: str) -> Listen:
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})", raw)
    if match is None or int(match[3]) > 65535:
        raise ValueError("must be HOST:PORT or [IPV6]:PORT")
    return Listen(match[1] or match[2], int(match[3]))


def web_url(raw: str) -> str:
    parts = urlsplit(raw)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError("must be http://HOST[:PORT][/PATH] or https://…")
    if parts.query or parts.fragment or not re.fullmatch(r"[!-~]+", raw):
        raise ValueError("must be a URL of printable ASCII without query or fragment")
    _port(parts)
    return raw.rstrip("/")


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError as error:  # its text would repeat a part of the URL, maybe of the password
        raise ValueError("must have a port from 0 to 65535, if any, and percent-encode special characters") from error


def networks(raw: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in raw.split(",") if part.strip())
    except ValueError as error:
        raise ValueError(f"must be networks like 10.1.0.0/16, comma-separated: {error}") from error


def countries(raw: str) -> tuple[str, ...]:
    """Codes of two letters that have a calling code."""
    import phonenumbers  # here: every command reads settings, and few name countries

    found = tuple(code.strip().upper() for code in raw.split(",") if code.strip())
    for code in found:
        if not phonenumbers.country_code_for_region(code):
            raise ValueError(f"must be ISO 3166 codes of two letters, such as US,CN; {code[:20]!r} is none")
    return found


def smpp_urls(raw: str) -> SecretUrls:
    """Several are separated by a comma; one inside a URL's options separates nothing."""
    urls = tuple(re.split(r",\s*(?=smpps?://)", raw.strip()))
    for url in urls:
        _checked_url(
            url,
            ("smpp", "smpps"),
            "smpp://system_id:password@host[:port][?source=+1…] or smpps://…, several comma-separated",
        )
    return SecretUrls(urls)


def gateway_url(raw: str) -> SecretUrls:
    form = "http://host[:port]/path, https://…, kannel+http://user:password@host:port/path or kannel+https://…"
    _checked_url(raw, ("http", "https", "kannel+http", "kannel+https"), form)
    return SecretUrls((raw,))


def _checked_url(raw: str, schemes: tuple[str, ...], form: str) -> None:
    parts = urlsplit(raw)
    if parts.scheme not in schemes or not parts.hostname or not raw.isprintable() or " " in raw:
        raise ValueError(f"must be {form}")
    _port(parts)


def store(raw: str) -> str:
    if raw.startswith(("postgresql://", "postgres://")):
        raise ValueError("PostgreSQL is not offered by this version yet; use sqlite")
    if raw != "sqlite" and not re.fullmatch(r"sqlite:///.+", raw):
        raise ValueError("must be sqlite or sqlite:///PATH")
    return raw


def not_yet(raw: str) -> str:
    raise ValueError("is not offered by this version yet")


def mailbox(raw: str) -> str:
    read_sender(raw)
    return raw


key_text = matching(r"[!-~]{32,512}", "32 to 512 printable characters without blanks")


def key_texts(raw: str) -> tuple[str, ...]:
    """Several, separated by blanks."""
    return tuple(key_text(key) for key in raw.split())
