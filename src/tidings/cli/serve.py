"""`tidings serve`: build the server, make the first account, listen, wait for a signal, close.

Called by `cli.main`. What it prints on standard output is for the person who started it; the log goes to standard error.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import structlog
import typer

import tidings
from tidings.cli import bootstrap as bootstrapping
from tidings.cli import checks, server_record
from tidings.cli.bootstrap import Ready, Wanted, bootstrap
from tidings.cli.provision import read_provision
from tidings.cli.running import WRONG_USAGE, CommandError
from tidings.domain.model import Origin, Way
from tidings.domain.provisioned import Source
from tidings.observe import log
from tidings.services.accounts import Accounts
from tidings.settings import Settings
from tidings.wire.hosts import is_loopback

if TYPE_CHECKING:
    from tidings.wiring import Application


_log = structlog.get_logger(__name__)
_PROVISIONING = Origin(Way.SYSTEM, principal="provisioning", via="provisioning")


def run(settings: Settings, *, as_json: bool) -> None:
    """Serve until SIGINT or SIGTERM. Raises TidingsError, Problem."""
    _refuse_to_be_reached(settings)
    log.set_up(settings.log_level, settings.log_format)
    _run(_serve(settings, as_json=as_json))


def _run(work: Coroutine[Any, Any, None]) -> None:
    """On uvloop where there is one (it is not made for Windows)."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)


async def _serve(settings: Settings, *, as_json: bool) -> None:
    from tidings.wiring import Application

    wanted = read_provision(settings.provision) if settings.provision else ()
    stopping = _signals()
    application = await Application.build(settings)
    try:
        changes = (
            await application.accounts.apply(wanted, origin=_PROVISIONING, source=Source.PROVISION) if wanted else []
        )
        for warning in await application.accounts.keywords_missing(wanted):
            typer.echo(f"warning: {warning}", err=True)
        ready = await bootstrap(application.accounts, _wanted(settings))
        if not settings.dev:
            changes = [*changes, *await _known_to_everybody(application.accounts, settings)]
        await _warn_of_claims(application)
        await application.start()
        server_record.write(settings, application.public_url)
        if as_json:
            typer.echo(json.dumps(_facts(application, ready)))
        else:
            for line in (*changes, *_lines(settings, application, ready)):
                typer.echo(line)
        await stopping.wait()
        if not as_json:
            typer.echo("stopping")
    finally:
        server_record.remove(settings)
        await application.stop()


async def _warn_of_claims(application: Application) -> None:
    """Numbers of two accounts do not keep a server from starting: releases before allowed them."""
    for one, other in await application.texting.numbers.contested():
        _log.warning(
            "two accounts claim one number: a STOP reaches one of them only",
            number=one.number,
            accounts=[one.account_id, other.account_id],
        )


async def _known_to_everybody(accounts: Accounts, settings: Settings) -> list[str]:
    """A line about developer mode's credentials that were given on purpose. Raises Problem for those that it made itself."""
    made, meant = await bootstrapping.well_known(accounts, settings.username)
    if made:
        raise CommandError(
            f"developer mode made this data, and everybody knows its credentials ({', '.join(made)}): {checks.MEND_KNOWN}"
        )
    return (
        [f"Careful: {', '.join(meant)} has the secret that developer mode has, which everybody knows."] if meant else []
    )


def _refuse_to_be_reached(settings: Settings) -> None:
    """Raises Problem where others could reach developer mode and nobody said that they may."""
    if settings.dev and not settings.dev_public and not is_loopback(settings.listen.host):
        raise CommandError(
            f"developer mode does not listen on {settings.listen.host}: others could reach it, and everybody knows its credentials. "
            "Listen on 127.0.0.1, or say --dev-public (TIDINGS_DEV_PUBLIC=on) where the network is yours, as in a container",
            WRONG_USAGE,
        )


def _signals() -> asyncio.Event:
    """Set by the first SIGINT or SIGTERM; the second one ends the process at once."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()

    def stop() -> None:
        stopping.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    return stopping


def _wanted(settings: Settings) -> Wanted:
    return Wanted(
        settings.dev,
        settings.account_id,
        settings.project_id,
        settings.access_key_id,
        settings.secret_access_key,
        settings.username,
        settings.password,
    )


def _facts(application: Application, ready: Ready) -> dict[str, Any]:
    """The same for a program: one line of JSON."""
    host, port = application.server.address
    return {
        "url": application.public_url,
        "host": host,
        "port": port,
        "account_id": ready.account_id,
        "project_id": ready.project_id or None,
        "access_key_id": ready.access_key_id or None,
        "secret_access_key": ready.secret_access_key or None,
        "username": ready.username or None,
        "password": ready.password or None,
    }


def _lines(settings: Settings, application: Application, ready: Ready) -> list[str]:
    url = application.public_url
    mode = " in developer mode" if settings.dev else ""
    host, port = application.server.address
    lines = [
        f"Tidings {tidings.__version__}{mode} on {url} (listening on {host}:{port}), account {ready.account_id}",
        "",
    ]
    credentials = ready.lines(settings.region)
    if credentials:
        lines += [f"  {line}" for line in credentials]
        if not settings.dev:
            lines.append("  # shown this once; make others with: tidings key create")
    else:
        lines.append("  # credentials were shown at the first start; make others with: tidings key create")
    lines += [
        f"  aws --endpoint-url {url} sns create-topic --name hello",
        "",
        f"  Console  {url}/console{_who(settings, ready)}",
        f"  API      {url}/api/v1/openapi.json",
    ]
    if settings.dev:
        lines.append(f"  Outbox   {url}/api/v1/dev/outbox   (mails and texts that would have gone out)")
    if checks.developer_mode(settings).state != checks.OK:
        lines.append(f"  Careful: others can reach {host}, and everybody knows the credentials of developer mode.")
    lines += [
        f"  Metrics  {url}/metrics",
        "",
        "Ctrl-C stops.",
    ]
    return lines


def _who(settings: Settings, ready: Ready) -> str:
    """Who can sign in, where that is no secret."""
    return f"   (user {ready.username}, password {ready.password})" if settings.dev and ready.password else ""
