"""`tidings rotate-key`: a new secret key for what is stored sealed and for the links in messages, without breaking what exists.

The new key is added before the old ones, which go on opening and verifying; then everything sealed in the database is sealed with the
new one. Only while no server runs: it would go on with the keys it has read.
"""

from __future__ import annotations

from typing import Annotated

import typer

from tidings.cli.copies import claimed
from tidings.cli.formatting import show_json
from tidings.cli.running import AsJson, CommandError, ConfigFile, DataDirectory, StoreUrl, settings_from, told
from tidings.services.endpoint_passwords import EndpointPasswords
from tidings.settings import Settings
from tidings.store.sqlite.reseal import reseal
from tidings.store.vault import FileVault, add_key, forget_older_keys


def rotate_key(
    forget: Annotated[
        bool,
        typer.Option(
            "--forget", help="Make no new key: forget the older ones. Links that were signed with them stop working."
        ),
    ] = False,
    as_json: AsJson = False,
    config: ConfigFile = None,
    data: DataDirectory = None,
    store: StoreUrl = None,
) -> None:
    """Take a new secret key; links that were sent and what is stored keep working. No server may be running."""
    with told():
        settings = settings_from({"config": config, "data": data, "store": store})
        if not settings.store_path.exists():
            raise CommandError(
                f"there is no database {settings.store_path}; is --data right? A start makes one: tidings serve"
            )
        with claimed(settings.store_path):
            sealed, forgotten = _rotated(settings, forget=forget)
    if as_json:
        show_json({"sealed_anew": sealed, "keys_forgotten": forgotten})
        return
    typer.echo(f"{sealed} secrets are sealed with the newest key")
    if forgotten:
        typer.echo(f"{forgotten} older keys are forgotten; links that were signed with them work no more")


def _rotated(settings: Settings, *, forget: bool) -> tuple[int, int]:
    in_file = settings.secret_key is None
    if forget and not in_file:
        raise CommandError(
            "the keys come from the settings: take them out of secret_key_previous after this command ran without --forget"
        )
    if in_file and not forget:
        add_key(settings.data)
    vault = FileVault.load(settings.data, settings.secret_key, previous=settings.secret_key_previous, create=False)
    links = vault.derive_all("links")
    passwords = EndpointPasswords(vault, links[0] if forget else links[-1])
    try:
        count = reseal(settings.store_path, vault, passwords.digest)
    except ValueError as error:
        raise CommandError(
            "something in the database was sealed with a key that is not here; nothing was changed in it"
        ) from error
    return count, forget_older_keys(settings.data) if forget else 0
