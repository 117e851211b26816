"""What `tidings doctor` looks at. Each check gives one `Check` with a way to mend what is wrong; none changes anything but a
temporary file in the data directory, and none makes a database where there is none."""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import ssl
import stat
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from tidings.cli.bootstrap import well_known
from tidings.cli.copies import known_schema, schema_of
from tidings.cli.running import CommandError
from tidings.cli.server_record import ServerRecord
from tidings.domain.errors import TidingsError
from tidings.domain.ports import Store
from tidings.services.accounts import Accounts
from tidings.settings import Settings, environment_name, shown
from tidings.store.vault import KEY_FILE, FileVault
from tidings.wire.hosts import is_loopback
from tidings.wire.smtp_url import SmtpUrl

OK, WARN, FAIL = "ok", "warn", "FAIL"
_DISK_FAIL_BYTES = 100 * 1024 * 1024
_DISK_WARN_BYTES = 1024 * 1024 * 1024
_PATIENCE_S = 5.0
_CERTIFICATE_WARN_DAYS = 14
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronized
_CLOCKS_APART = timedelta(minutes=1)
_METADATA = ip_network("169.254.0.0/16")


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    state: str
    detail: str
    mend: str = ""


def server(settings: Settings, found: ServerRecord | None) -> Check:
    """Whether a server runs on this data, and whether this command knows what that server was given."""
    name = "server"
    if found is None:
        return Check(name, OK, "none is running on this data; the settings of this command are judged")
    told = f"running (process {found.pid}) on {found.url}; its settings are judged"
    unknown = [secret for secret in found.secrets if not shown(settings, secret)]
    if unknown:
        names = ", ".join(environment_name(secret) for secret in unknown)
        return Check(name, WARN, f"{told}, but {names} cannot be seen from here", f"set {names} as the server has it")
    return Check(name, OK, told)


def data_directory(settings: Settings) -> Check:
    """Exists, can be written, and is not open to others."""
    name, path = "data directory", settings.data
    if not path.exists():
        parent = next(folder for folder in path.resolve().parents if folder.exists())
        if not parent.is_dir():
            return Check(name, FAIL, f"{path} cannot be made: {parent} is no directory", "correct TIDINGS_DATA")
        if not os.access(parent, os.W_OK | os.X_OK):
            return Check(name, FAIL, f"{path} cannot be made in {parent}", f"give this user write access to {parent}")
        return Check(name, OK, f"{path} is not there yet; a start makes it in {parent}")
    if not path.is_dir():
        return Check(name, FAIL, f"{path} is no directory", "correct TIDINGS_DATA")
    try:
        with tempfile.NamedTemporaryFile(dir=path, prefix=".doctor-"):
            pass
    except OSError as error:
        return Check(
            name, FAIL, f"{path} cannot be written: {error.strerror}", f"give this user write access to {path}"
        )
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o007:
        return Check(name, WARN, f"{path} is open to everybody (mode {mode:04o})", f"chmod 700 {path}")
    return Check(name, OK, f"{path} can be written")


def free_disk(settings: Settings) -> Check:
    path = settings.data.resolve()
    free = shutil.disk_usage(next(folder for folder in (path, *path.parents) if folder.exists())).free
    mebibytes = f"{free // (1024 * 1024):,} MiB free"
    if free < _DISK_FAIL_BYTES:
        return Check("free disk", FAIL, mebibytes, "make room: what cannot be written cannot be accepted")
    if free < _DISK_WARN_BYTES:
        return Check("free disk", WARN, mebibytes, "make room before a long outage of a receiver fills it")
    return Check("free disk", OK, mebibytes)


async def store(settings: Settings) -> list[Check]:
    """The database can be opened, read and written, and its access keys can be read with the key we have."""
    path = settings.store_path
    if not path.exists():
        return [Check("store", OK, f"{path} is not there yet; a start makes it")]
    try:
        number, known = schema_of(path), known_schema()
    except CommandError as problem:
        return [Check("store", FAIL, str(problem), "bring back a backup with: tidings restore FILE --force")]
    if number > known:
        return [
            Check("store", FAIL, f"schema {number} is newer than this release's {known}", "install the newer release")
        ]
    if number < known:
        return [Check("store", WARN, f"schema {number} is older than this release's {known}", "tidings migrate")]
    from tidings.wiring import open_store

    try:
        opened, vault = await open_store(settings)
    except TidingsError as error:
        return [Check("store", FAIL, str(error), f"see {settings.data / KEY_FILE} and the rights of {path}")]
    try:
        await opened.check()
        return [Check("store", OK, f"{path}, schema {number}"), await _keys(opened, vault)]
    except TidingsError as error:
        return [Check("store", FAIL, str(error), f"see the rights of {path} and the disk it is on")]
    finally:
        await opened.close()


async def clock_mark(settings: Settings) -> datetime | None:
    """How far the application's clock has come; None where there is no store of this release that can be read."""
    from tidings.wiring import open_store

    with suppress(CommandError, TidingsError):
        if settings.store_path.exists() and schema_of(settings.store_path) == known_schema():
            opened, _vault = await open_store(settings)
            try:
                return await opened.clock_mark()
            finally:
                await opened.close()
    return None


async def _keys(opened: Store, vault: FileVault) -> Check:
    count = 0
    for account in await opened.accounts():
        for key in await opened.access_keys(account.account_id):
            try:
                vault.open(key.sealed_secret)
            except ValueError:
                return Check(
                    "secret key",
                    FAIL,
                    f"access key {key.key_id} was sealed with another secret key",
                    f"bring back {KEY_FILE} or TIDINGS_SECRET_KEY as it was, or make new keys with: tidings key create",
                )
            count += 1
    return Check("secret key", OK, f"opens all {count} access keys")


def clock(settings: Settings, mark: datetime | None, *, running: bool) -> Check:
    """Signatures are refused when clocks differ by more than 15 minutes, and the application's own clock never goes back.

    mark: how far that one has come. running: a server moves it.
    """
    name, now = "clock", datetime.now(UTC)
    mend = "let NTP set the clock (chrony, systemd-timesyncd)"
    if mark is not None and mark - now > _CLOCKS_APART:
        told = f"it says {now:%Y-%m-%d %H:%M:%S} UTC, {mark - now} behind the times of what is stored"
        return Check(name, WARN, f"{told}; the application's goes on at half its pace until they meet", mend)
    if mark is not None and running and now - mark > timedelta(seconds=settings.clock_jump_max_s):
        told = f"it says {now:%Y-%m-%d %H:%M:%S} UTC and has jumped ahead of the running server's by {now - mark}"
        how = "if it is right, wait for a day or restart with TIDINGS_CLOCK_JUMP_MAX_S raised"
        return Check(name, FAIL, f"{told}, which does not follow", f"{mend}; {how}")
    if now.year < 2025:
        return Check(name, FAIL, f"it says {now:%Y-%m-%d %H:%M} UTC", mend)
    if _is_unsynchronized():
        return Check(name, WARN, f"{now:%Y-%m-%d %H:%M:%S} UTC, and nobody keeps it right", mend)
    return Check(name, OK, f"{now:%Y-%m-%d %H:%M:%S} UTC")


def _is_unsynchronized() -> bool:
    """What Linux' kernel thinks; False where it cannot be asked. Source: adjtimex(2)."""
    if sys.platform != "linux":
        return False
    with suppress(OSError, AttributeError):
        zeroes = ctypes.create_string_buffer(1024)  # struct timex with modes = 0: only reads
        return int(ctypes.CDLL(None, use_errno=True).adjtimex(zeroes)) == _TIME_ERROR
    return False


async def relay(settings: Settings) -> Check:
    """The mail relay answers with its greeting."""
    name, url = "mail relay", settings.smtp_url
    if url is None:
        if settings.dev:
            return Check(name, OK, "none; mail goes to the outbox")
        return Check(name, WARN, "none: email subscriptions cannot be confirmed", "set TIDINGS_SMTP_URL")
    try:
        greeting = await asyncio.wait_for(_greeting(url), _PATIENCE_S)
    except (OSError, TimeoutError) as error:
        reason = "no answer in time" if isinstance(error, TimeoutError) else str(error)
        return Check(
            name, FAIL, f"{url.host}:{url.port}: {reason}", "check TIDINGS_SMTP_URL, the firewall and the relay"
        )
    if not greeting.startswith(b"220"):
        shown = greeting[:60].decode("ascii", "replace").strip()
        return Check(
            name, FAIL, f"{url.host}:{url.port} answered {shown!r}", "is this an SMTP relay, and this its port?"
        )
    return Check(name, OK, f"{url.host}:{url.port} answers")


async def _greeting(url: SmtpUrl) -> bytes:
    context = ssl.create_default_context() if url.implicit_tls else None
    reader, writer = await asyncio.open_connection(url.host, url.port, ssl=context)
    try:
        return await reader.readline()
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def public_url(settings: Settings) -> Check:
    """Links in messages lead to a place that others can reach, and privately."""
    name, url = "public URL", settings.public_url
    if url is None:
        if settings.dev:
            return Check(name, OK, "this machine only (developer mode)")
        return Check(name, WARN, "not set: links in messages lead to the listening address", "set TIDINGS_PUBLIC_URL")
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        found = await asyncio.wait_for(asyncio.get_running_loop().getaddrinfo(host, parts.port or 443), _PATIENCE_S)
    except (OSError, TimeoutError):
        return Check(name, FAIL, f"{host} has no address", "make a DNS entry, or correct TIDINGS_PUBLIC_URL")
    addresses = {str(entry[4][0]).partition("%")[0] for entry in found}
    if not settings.dev and any(ip_address(address).is_loopback for address in addresses):
        return Check(
            name, WARN, f"{url} leads every reader to their own machine", "set TIDINGS_PUBLIC_URL to a public name"
        )
    if parts.scheme != "https" and not settings.dev:
        return Check(
            name, WARN, f"{url} is not https: links carry secrets", "put TLS in front, or set TIDINGS_TLS_CERT"
        )
    return Check(name, OK, f"{url} ({', '.join(sorted(addresses))})")


def tls(settings: Settings) -> Check:
    """The certificate fits its key and is valid today."""
    name = "TLS"
    if settings.tls_cert is None or settings.tls_key is None:
        return Check(name, OK, "off; a proxy in front should do it")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key)
        certificate = x509.load_pem_x509_certificate(Path(settings.tls_cert).read_bytes())
    except (OSError, ValueError) as error:
        return Check(
            name, FAIL, f"{settings.tls_cert} and {settings.tls_key}: {error}", "give a PEM chain and its own key"
        )
    days = (certificate.not_valid_after_utc - datetime.now(UTC)).days
    if days < 0:
        return Check(name, FAIL, f"the certificate ended {-days} days ago", "renew it and start again")
    if days < _CERTIFICATE_WARN_DAYS:
        return Check(name, WARN, f"the certificate ends in {days} days", "renew it and start again")
    return Check(name, OK, f"the certificate is valid for {days} days")


def egress(settings: Settings) -> Check:
    """Outgoing requests cannot be led to where they should not go."""
    name = "egress"
    for network in settings.egress_allow:
        if network.prefixlen == 0:
            return Check(name, FAIL, f"{network} lets subscribers reach everything inside", "name the networks meant")
        if network.version == 4 and network.overlaps(_METADATA):
            return Check(name, WARN, f"{network} holds a cloud's metadata address", "leave 169.254.0.0/16 out")
    allowed = ", ".join(str(network) for network in settings.egress_allow)
    return Check(name, OK, f"public addresses{' and ' + allowed if allowed else ''}")


MEND_KNOWN = (
    "give the user a password (tidings user set NAME --password-stdin) and turn the key off (tidings key disable tidings), or use "
    "other --data; who means it provisions the same values (tidings apply)"
)


def developer_mode(settings: Settings) -> Check:
    """Credentials that everybody knows are for this machine only."""
    name, host = "developer mode", settings.listen.host
    if not settings.dev:
        return Check(name, OK, "off")
    if is_loopback(host):
        return Check(name, OK, f"on, listening on {host}")
    detail = f"on, and listening on {host}: everybody knows the credentials"
    if settings.dev_public:
        return Check(name, WARN, detail, "listen on 127.0.0.1, or leave --dev out")
    return Check(name, FAIL, f"{detail}, and it does not start", "listen on 127.0.0.1, or say --dev-public")


async def known_credentials(settings: Settings) -> list[Check]:
    """What developer mode made must not be served in earnest. Nothing where the store cannot be read: its own check says that."""
    name = "known credentials"
    if settings.dev or not settings.store_path.exists():
        return []
    from tidings.wiring import open_clock, open_store

    try:
        if schema_of(settings.store_path) != known_schema():
            return []
        opened, vault = await open_store(settings)
    except (CommandError, TidingsError):
        return []
    try:
        made, meant = await well_known(Accounts(opened, await open_clock(opened), vault), settings.username)
    finally:
        await opened.close()
    if made:
        return [Check(name, FAIL, f"{', '.join(made)}: made by developer mode, everybody knows them", MEND_KNOWN)]
    if meant:
        return [Check(name, WARN, f"{', '.join(meant)}: as in developer mode, everybody knows them", "give others")]
    return [Check(name, OK, "none of developer mode's can be used")]
