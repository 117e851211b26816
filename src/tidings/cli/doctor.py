"""`tidings doctor`: looks at everything that a server needs around it, and says how to mend what it finds.

Runs the checks of `cli.checks` and `cli.checks_sms` one after the other; changes nothing. Exit code 1 when something fails.
Beside a running server it judges that server: what the server was given counts, unless an option of this command says otherwise.
"""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Annotated

import typer

from tidings.cli import checks, checks_sms, server_record
from tidings.cli.formatting import show_json
from tidings.cli.running import FAILED, AsJson, ConfigFile, DataDirectory, StoreUrl, settings_from, told
from tidings.settings import Settings

PublicUrl = Annotated[
    str | None, typer.Option("--public-url", metavar="URL", help="Check this instead of the setting.")
]


def doctor(
    public_url: PublicUrl = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    data: DataDirectory = None,
    store: StoreUrl = None,
) -> None:
    """Check store, data directory, clock, relay, SMSC, opt-outs, public URL, egress and disk; say how to mend what is wrong."""
    options = {"config": config, "data": data, "store": store, "public_url": public_url}
    with told():
        settings = settings_from(options)
        server = server_record.read(settings)
        if server is not None:
            settings = settings_from(
                server.settings | {name: text for name, text in options.items() if text is not None}
            )
        found = [checks.server(settings, server), *asyncio.run(_examine(settings, running=server is not None))]
    if as_json:
        show_json([dataclasses.asdict(check) for check in found])
    else:
        for check in found:
            typer.echo(f"{check.state:<5} {check.name}: {check.detail}")
            if check.mend:
                typer.echo(f"      mend: {check.mend}")
    if any(check.state == checks.FAIL for check in found):
        raise typer.Exit(FAILED)


async def _examine(settings: Settings, *, running: bool) -> list[checks.Check]:
    return [
        checks.data_directory(settings),
        checks.free_disk(settings),
        *await checks.store(settings),
        checks.clock(settings, await checks.clock_mark(settings), running=running),
        await checks.relay(settings),
        *await checks_sms.transports(settings),
        *await checks_sms.opt_outs(settings),
        await checks.public_url(settings),
        checks.tls(settings),
        checks.egress(settings),
        checks.developer_mode(settings),
        *await checks.known_credentials(settings),
    ]
