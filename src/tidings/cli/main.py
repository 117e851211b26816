"""The `tidings` command: its options and subcommands. Called by `tidings.__main__`; hands on to the modules beside it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

import tidings
from tidings.cli import accounts, copies, doctor, ledger, optouts, provision
from tidings.cli.running import AsJson, ConfigFile, settings_from, told
from tidings.cli.settings_page import effective
from tidings.cli.showing import show_json, show_table

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Tidings: a self-hosted message-notification service.",
)
app.add_typer(accounts.account_app, name="account")
app.add_typer(accounts.user_app, name="user")
app.add_typer(accounts.key_app, name="key")
app.add_typer(optouts.optout_app, name="optout")
app.command("apply")(provision.apply)
app.command("ledger")(ledger.ledger)
app.command("backup")(copies.backup)
app.command("restore")(copies.restore)
app.command("migrate")(copies.migrate)
app.command("doctor")(doctor.doctor)

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
Provision = Annotated[str | None, typer.Option("--provision", metavar="FILE", help="TOML file applied at every start.")]


@app.command("serve")
def serve(
    listen: Listen = None,
    public_url: PublicUrl = None,
    data: Data = None,
    store: Store = None,
    flow: Flow = None,
    role: Role = None,
    workers: Workers = None,
    dev: Dev = None,
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
                "provision": provision,
                "config": config,
            }
        )
        run(settings, as_json=as_json)


@app.command("config")
def show_config(
    listen: Listen = None,
    public_url: PublicUrl = None,
    data: Data = None,
    store: Store = None,
    flow: Flow = None,
    role: Role = None,
    workers: Workers = None,
    dev: Dev = None,
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
        "provision": provision,
        "config": config,
    }
    with told():
        rows = effective(settings_from(given))
    if as_json:
        show_json({name: {"value": value, "origin": origin} for name, value, origin in rows})
    else:
        show_table(("setting", "value", "origin"), rows)


@app.command("demo")
def demo() -> None:
    """Play the main job in a minute against a throw-away server."""
    with told():
        from tidings.cli.demo import play

        play()


@app.command("version")
def version(as_json: AsJson = False) -> None:
    """Print the version."""
    if as_json:
        show_json({"tidings": tidings.__version__, "python": sys.version.split()[0]})
    else:
        typer.echo(f"tidings {tidings.__version__}")
