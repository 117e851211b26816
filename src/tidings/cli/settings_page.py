"""The settings as people read them: `tidings config`, and the reference page that is made from the same table.

`python -m tidings.cli.settings_page FILE` writes the page; a test says when it is out of date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tidings.settings import ABOUT, Settings, environment_name, shown

_HEAD = """# Settings

<!-- Made from the table in src/tidings/settings by `python -m tidings.cli.settings_page docs/reference/settings.md`. -->

Options win over environment variables, those over the TOML file (`--config FILE` or `TIDINGS_CONFIG`), and the file over defaults.
In the file a setting has the name of its first column; lists may be TOML lists. `tidings config` prints the effective values and
where each came from. An unknown setting, or a value that is not of the form below, stops the start with one line (exit code 2).
An empty environment variable counts as not given.

| setting | environment | option | default | unit | why |
| --- | --- | --- | --- | --- | --- |
"""


def page() -> str:
    """The reference page in Markdown."""
    defaults = Settings()
    rows = []
    for name, about in ABOUT.items():
        default = about.shown_default or shown(defaults, name)
        default = (
            f"`{default}`" if default and not about.shown_default else default or "none"
        )  # what is a sentence stays one
        option = f"`{about.option}`" if about.option else ""
        cells = (f"`{name}`", f"`{environment_name(name)}`", option, default, about.unit, about.reason)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n")
    return _HEAD + "".join(rows)


def effective(settings: Settings) -> list[tuple[str, str, str]]:
    """Name, value (secrets masked) and origin of every setting."""
    return [(name, shown(settings, name), settings.origin(name)) for name in ABOUT]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), "utf-8")
