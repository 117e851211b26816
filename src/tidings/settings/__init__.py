"""Every setting: its name, unit, default, reason, and where its effective value came from.

`cli` loads them (options over environment over TOML file over defaults) and `wiring` reads the frozen result; no other package
knows settings. Loading never touches the network and creates nothing. What is unknown, malformed or not offered yet raises
`SettingsError`, whose text is the one line that the operator sees.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tidings.settings.table import ABOUT, DEFAULT, About, Settings
from tidings.settings.values import MASK, Listen, Network, SecretUrls, not_yet
from tidings.wire.smtp_url import SmtpUrl

__all__ = [
    "ABOUT",
    "DEFAULT",
    "MASK",
    "About",
    "Listen",
    "Network",
    "SecretUrls",
    "Settings",
    "SettingsError",
    "environment_name",
    "load",
    "shown",
]

PREFIX = "TIDINGS_"


class SettingsError(Exception):
    """A setting that stops the start. The text is one line for the operator, whatever a path in it holds; never a secret."""

    def __init__(self, text: str) -> None:
        super().__init__(" ".join(text.split()))


def environment_name(name: str) -> str:
    return PREFIX + name.upper()


def load(options: Mapping[str, str | bool | int | None], environment: Mapping[str, str]) -> Settings:
    """The effective settings.

    options: by setting name; None means not given. environment: the whole of it; empty values count as not given.
    Raises SettingsError.
    """
    given: dict[str, tuple[str, str]] = {}  # name -> (text, origin)
    from_environment = _from_environment(environment)
    from_options = {
        name: (_plain(value), f"option {ABOUT[name].option or name}")
        for name, value in options.items()
        if value is not None
    }
    config = from_options.get("config") or from_environment.get("config")
    if config is not None:
        file = _parsed("config", *config)
        assert isinstance(file, Path)
        given.update(_from_file(file))
    given.update(from_environment)
    given.update(from_options)
    values: dict[str, Any] = {name: _parsed(name, text, origin) for name, (text, origin) in given.items()}
    settings = Settings(**values, origins={name: origin for name, (_, origin) in given.items()})
    _check(settings)
    return settings


def shown(settings: Settings, name: str) -> str:
    """A value as text for people, secrets masked, empty when there is none."""
    value = getattr(settings, name)
    if value is None or value == ():
        return ""
    if ABOUT[name].secret and not isinstance(value, SmtpUrl | SecretUrls):
        return MASK
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value)
    return str(value)


def _from_environment(environment: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    given = {}
    for key, value in environment.items():
        if not key.startswith(PREFIX) or not value:
            continue
        name = key.removeprefix(PREFIX).lower()
        if name not in ABOUT or key != environment_name(name):
            meant = _meant(key.upper(), [environment_name(known) for known in ABOUT])
            raise SettingsError(f"unknown setting {key} in the environment{meant}")
        given[name] = (value, f"environment {key}")
    return given


def _from_file(path: Path) -> dict[str, tuple[str, str]]:
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read the settings file {path}: {error.strerror}") from error
    except ValueError as error:  # TOML's and UTF-8's complaints both
        raise SettingsError(f"the settings file {path} is not TOML: {' '.join(str(error).split())}") from error
    given = {}
    for name, value in table.items():
        if name not in ABOUT or name == "config":
            meant = _meant(name.lower().replace("-", "_"), [known for known in ABOUT if known != "config"])
            raise SettingsError(f"unknown setting {name!r} in {path}{meant}")
        try:
            given[name] = (_plain(value), f"file {path}")
        except ValueError as error:
            raise SettingsError(f"{name} (file {path}) {error}") from error
    return {name: pair for name, pair in given.items() if pair[0]}


def _meant(name: str, known: Sequence[str]) -> str:
    """A hint at the setting whose name is nearest, or nothing."""
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _plain(value: object) -> str:
    """A typed value as the text that an environment variable would hold. Raises ValueError."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(item, str) and "," not in item for item in value):
        return ",".join(value)
    if isinstance(value, (str, int, Path)):
        return str(value)
    raise ValueError("must be text, a whole number, true or false, or a list of texts")


def _parsed(name: str, text: str, origin: str) -> object:
    about = ABOUT[name]
    try:
        return about.parse(text)
    except ValueError as error:
        hidden = about.secret or about.parse is not_yet or "@" in text  # a URL of the wrong kind may hold a password
        got = "" if hidden else f", not {text[:80]!r}"
        raise SettingsError(f"{name} ({origin}) {' '.join(str(error).split())}{got}") from error


def _check(settings: Settings) -> None:
    """Rules between settings, and what comes with a later version."""
    for one, other in (
        ("tls_cert", "tls_key"),
        ("access_key_id", "secret_access_key"),
        ("sqs_access_key_id", "sqs_secret_access_key"),
    ):
        if (getattr(settings, one) is None) != (getattr(settings, other) is None):
            raise SettingsError(f"{one} and {other} must be given together")
    if settings.secret_key_previous and settings.secret_key is None:
        raise SettingsError("secret_key_previous needs secret_key")
    for name in ("tls_cert", "tls_key", "provision"):
        path = getattr(settings, name)
        if path is not None and not path.is_file():
            raise SettingsError(f"{name} ({settings.origin(name)}): there is no file {path}")
    if settings.flow not in (None, settings.store):
        raise SettingsError(f"flow ({settings.origin('flow')}) other than the store is not offered by this version yet")
    if settings.workers != 1:
        raise SettingsError(f"workers ({settings.origin('workers')}) above 1 is not offered by this version yet")
    if settings.role != "all":
        raise SettingsError(f"role ({settings.origin('role')}) other than all is not offered by this version yet")
