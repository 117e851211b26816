"""The `tidings` command: its options and subcommands. Called by `tidings.__main__`; hands on to the modules beside it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

import tidings
from tidings.cli import accounts, audit, copies, doctor, ledger, optouts, provision, rotation
from tidings.cli.formatting import show_json, show_table
from tidings.cli.running import AsJson, ConfigFile, settings_from, told
from tidings.cli.settings_page import effective

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Tidings: a self-hosted message-notification service.",
)

Listen = Annotated[
    str | None, typer.Option("--listen", metavar="HOST:PORT", help="Default 127.0.0.1:8010; port 0 takes a free one.")
]
PublicUrl = Annotated[
    str | None, typer.Option("--public-url", metavar="URL", help="Base of links and certificate URLs.")
]
Data = Annotated[str | None, typer.Option("--data", metavar="DIRECTORY", help="Default ./tidings-data.")]
Store = Annotated[str | None, typer.Option("--store", metavar="URL", help="sqlite:///PATH; default inside --data.")]
Flow = Annotated[str | None, typer.Option("--flow", metavar="URL", help="Only the store itself in this version.")]
Role = Annotated[str | None, typer.Option("--role", help="Only all in this version.")]
Workers = Annotated[str | None, typer.Option("--workers", metavar="N", help="Only 1 in this version.")]
Dev = Annotated[
    bool | None, typer.Option("--dev/--no-dev", help="Developer mode: outbox, loopback, known credentials.")
]
DevPublic = Annotated[
    bool | None, typer.Option("--dev-public/--no-dev-public", help="Developer mode may be reached by others.")
]
Provision = Annotated[str | None, typer.Option("--provision", metavar="FILE", help="TOML file applied at every start.")]


def serve(
    listen: Listen = None,
    public_url: PublicUrl = None,
    data: Data = None,
    store: Store = None,
    flow: Flow = None,
    role: Role = None,
    workers: Workers = None,
    dev: Dev = None,
    dev_public: DevPublic = None,
    provision: Provision = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Start everything in one process; Ctrl-C stops it."""
    with told():
        from tidings.cli.serve import run

        settings = settings_from(
            {
                "listen": listen,
                "public_url": public_url,
                "data": data,
                "store": store,
                "flow": flow,
                "role": role,
                "workers": workers,
                "dev": dev,
                "dev_public": dev_public,
                "provision": provision,
                "config": config,
            }
        )
        run(settings, as_json=as_json)


def show_config(
    listen: Listen = None,
    public_url: PublicUrl = None,
    data: Data = None,
    store: Store = None,
    flow: Flow = None,
    role: Role = None,
    workers: Workers = None,
    dev: Dev = None,
    dev_public: DevPublic = None,
    provision: Provision = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Print the effective settings and where each came from; secrets are masked."""
    given = {
        "listen": listen,
        "public_url": public_url,
        "data": data,
        "store": store,
        "flow": flow,
        "role": role,
        "workers": workers,
        "dev": dev,
        "dev_public": dev_public,
        "provision": provision,
        "config": config,
    }
    with told():
        rows = effective(settings_from(given))
    if as_json:
        show_json({name: {"value": value, "origin": origin} for name, value, origin in rows})
    else:
        show_table(("setting", "value", "origin"), rows)


def demo() -> None:
    """Play the main job in a minute against a throw-away server."""
    with told():
        from tidings.cli.demo import play

        play()


def version(as_json: AsJson = False) -> None:
    """Print the version."""
    if as_json:
        show_json({"tidings": tidings.__version__, "python": sys.version.split()[0]})
    else:
        typer.echo(f"tidings {tidings.__version__}")


def _version_wanted(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version_wanted, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Tidings: a self-hosted message-notification service."""


# In the order in which the help lists them: what a newcomer wants first.
_COMMANDS: dict[str, Callable[..., None]] = {
    "serve": serve,
    "demo": demo,
    "config": show_config,
    "doctor": doctor.doctor,
    "apply": provision.apply,
    "migrate": copies.migrate,
    "backup": copies.backup,
    "restore": copies.restore,
    "rotate-key": rotation.rotate_key,
    "ledger": ledger.ledger,
    "audit": audit.audit,
    "version": version,
}
_GROUPS = {
    "account": accounts.account_app,
    "user": accounts.user_app,
    "key": accounts.key_app,
    "optout": optouts.optout_app,
}
for name, command in _COMMANDS.items():
    app.command(name)(command)
for name, group in _GROUPS.items():
    app.add_typer(group, name=name)
