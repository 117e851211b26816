"""The command line as an operator uses it: through typer's runner, and `serve` as a process of its own."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import apsw
import boto3
import pytest
from click.testing import Result
from typer.testing import CliRunner

from tidings.access.authenticate import Authenticator
from tidings.cli import checks
from tidings.cli.bootstrap import DEV_ACCOUNT_ID, DEV_KEY_ID, DEV_PROJECT_ID, DEV_SECRET, Ready, Wanted, bootstrap
from tidings.cli.copies import known_schema
from tidings.cli.main import app
from tidings.domain.errors import Unavailable, WrongSignature
from tidings.domain.model import AccountId, Event, LedgerEntry, Origin, State, TopicId, Way
from tidings.domain.unit import Unit
from tidings.services.accounts import Accounts
from tidings.settings import load
from tidings.store.sqlite.database import Database
from tidings.wiring import open_clock, open_store

PROVISION = """
[[account]]
name = "default"
account_id = "000000000000"
project_id = "0123456789abcdef0123456789abcdef"
users = [{ name = "admin", password = "correct horse", role = "owner" }, { name = "app", role = "publisher" }]
access_keys = [{ id = "tidings", secret = "tidings-dev-secret", user = "admin" }]
"""


class Cli:
    """The command with a data directory of its own."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.runner = CliRunner()

    def __call__(self, *arguments: str, text: str | None = None) -> Result:
        return self.runner.invoke(app, list(arguments), input=text, env={"TIDINGS_DATA": str(self.data)})

    def json(self, *arguments: str) -> Any:
        result = self(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def commit(self, unit: Unit) -> None:
        async def work() -> None:
            store, _ = await open_store(load({"data": str(self.data)}, {}))
            try:
                await store.commit(unit)
            finally:
                await store.close()

        asyncio.run(work())


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("TIDINGS_"):
            monkeypatch.delenv(name)


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path / "data")


# --- accounts, users, keys --------------------------------------------------------------------------------------------


def test_an_account_with_user_and_key_is_made_and_listed(cli: Cli) -> None:
    made = cli.json("account", "create", "acme", "--id", "123456789012")
    assert (made["account_id"], made["name"]) == ("123456789012", "acme")
    assert cli.json("account", "list") == [made]
    user = cli.json("user", "create", "app", "--role", "publisher")
    assert user["password"]
    key = cli.json("key", "create", "app", "--account", "acme")
    assert len(key["secret_access_key"]) >= 30
    listed = cli.json("key", "list")
    assert [entry["key_id"] for entry in listed] == [key["key_id"]]
    assert key["secret_access_key"] not in json.dumps(listed)
    assert cli.json("user", "list")[0]["role"] == "publisher"


def test_a_users_actions_are_given_listed_changed_and_taken_away(cli: Cli) -> None:
    cli("account", "create", "acme")
    made = cli.json(
        "user", "create", "ci", "--role", "auditor", "--action", "smn:topic:publish", "--action", "sns:Pub*"
    )
    assert made["actions"] == ["smn:topic:publish", "sns:Pub*"]
    assert [user["actions"] for user in cli.json("user", "list")] == [made["actions"]]
    assert cli("user", "list").stdout.splitlines()[-1].endswith("smn:topic:publish sns:Pub*")
    changed = cli.json("user", "set", "ci", "--action", "*")
    assert (changed["actions"], changed["role"]) == (["*"], "auditor")
    changed = cli.json("user", "set", "ci", "--role", "publisher", "--password", "correct horse")
    assert (changed["actions"], changed["role"]) == (["*"], "publisher")
    assert cli.json("user", "disable", "ci")["actions"] == ["*"]
    assert cli.json("user", "set", "ci", "--no-actions")["actions"] == []
    assert cli.json("user", "list")[0]["actions"] == []


def test_a_changed_password_is_the_one_that_counts(cli: Cli) -> None:
    cli("account", "create", "acme")
    cli("user", "create", "app", "--password", "first horse")
    result = cli("user", "set", "app", "--password-stdin", text="second horse\n")
    assert (result.exit_code, result.stdout) == (0, "user app is changed\n")

    async def works(password: str) -> bool:
        store, vault = await open_store(load({"data": str(cli.data)}, {}))
        try:
            (account,) = await store.accounts()
            return (await Authenticator(store, vault).by_password(account.account_id, "app", password)).user == "app"
        except WrongSignature:
            return False
        finally:
            await store.close()

    assert [asyncio.run(works(password)) for password in ("first horse", "second horse")] == [False, True]


def test_a_given_password_is_not_repeated(cli: Cli) -> None:
    cli("account", "create", "acme")
    assert "from-option" not in cli("user", "create", "one", "--password", "from-option").output
    result = cli("user", "create", "two", "--password-stdin", text="from-stdin\n")
    assert result.exit_code == 0
    assert "from-stdin" not in result.output


def test_a_user_and_a_key_are_turned_away_and_let_in_again(cli: Cli) -> None:
    cli("account", "create", "acme")
    cli("user", "create", "app")
    key_id = cli.json("key", "create", "app")["key_id"]
    assert cli.json("key", "disable", key_id)["disabled"] is True
    assert cli.json("key", "enable", key_id)["disabled"] is False
    assert cli.json("user", "disable", "app")["disabled"] is True
    assert cli.json("user", "enable", "app")["disabled"] is False


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["account", "create", "acme"], 1, "tidings: account already exists"),
        (["account", "create", "other", "--id", "12"], 2, "tidings: account_id: 12 digits"),
        (["user", "create", "bad name"], 2, "tidings: user name: "),
        (["user", "create", "x", "--account", "nobody"], 1, "tidings: account does not exist: nobody"),
        (["user", "disable", "nobody"], 1, "tidings: user does not exist: nobody"),
        (["user", "create", "x", "--action", "publish"], 2, "tidings: actions: SERVICE:ACTION of at most 128"),
        (["user", "create", "x", *["--action", "a:b"] * 65], 2, "tidings: actions: at most 64 patterns"),
        (["user", "set", "nobody", "--no-actions"], 1, "tidings: user does not exist: nobody"),
        (["user", "set", "nobody"], 2, "tidings: nothing to change: give --role, --password, --action or --no-actions"),
        (
            ["user", "set", "x", "--action", "*", "--no-actions"],
            2,
            "tidings: --action and --no-actions exclude each other",
        ),
        (["key", "create", "nobody"], 1, "tidings: user does not exist: nobody"),
        (["key", "disable", "nokey"], 1, "tidings: access key does not exist: nokey"),
        (["ledger", "--since", "yesterday"], 2, "tidings: --since must be a time in ISO 8601, not 'yesterday'"),
        (["ledger", "--topic", "hello"], 2, "tidings: --topic must be a topic's ARN"),
        (["ledger", "--topic", "arn:aws:sns:us-east-1:000000000000:no"], 1, "tidings: topic does not exist"),
        (["ledger", "--json", "--csv"], 2, "tidings: --json and --csv exclude each other"),
        (["restore", "/no/such"], 1, "tidings: there is no file /no/such"),
        (["apply", "/no/such"], 2, "tidings: cannot read /no/such: No such file or directory"),
        (["config", "--listen", "x"], 2, "tidings: listen (option --listen) must be HOST:PORT"),
        (["serve", "--workers", "2"], 2, "tidings: workers (option --workers) above 1 is not offered by this version"),
        (["serve", "--role", "api"], 2, "tidings: role (option --role) other than all is not offered by this version"),
        (["serve", "--flow", "nats://x"], 2, "tidings: flow (option --flow) other than the store is not offered"),
        (["serve", "--store", "postgresql://u:p@h/d"], 2, "tidings: store (option --store) PostgreSQL is not offered"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_an_exit_code(cli: Cli, arguments: list[str], code: int, line: str) -> None:
    cli("account", "create", "acme")
    result = cli(*arguments)
    assert result.exit_code == code
    assert result.stderr.startswith(line)
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def test_an_unknown_command_or_option_is_wrong_usage(cli: Cli) -> None:
    assert cli("nonsense").exit_code == 2
    assert cli("config", "--nonsense").exit_code == 2
    assert cli("user", "create", "x", "--role", "king").exit_code == 2


# --- settings and version ---------------------------------------------------------------------------------------------


def test_config_shows_values_with_origin_and_masks_secrets(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "t.toml"
    file.write_text('region = "eu-west-1"\npassword = "hidden-password"\n')
    shown = cli.json("config", "--config", str(file), "--listen", "127.0.0.1:1")
    assert shown["listen"] == {"value": "127.0.0.1:1", "origin": "option --listen"}
    assert shown["region"] == {"value": "eu-west-1", "origin": f"file {file}"}
    assert shown["data"]["origin"] == "environment TIDINGS_DATA"
    assert shown["workers"] == {"value": "1", "origin": "default"}
    assert "hidden-password" not in cli("config", "--config", str(file)).output


def test_the_version_is_told(cli: Cli) -> None:
    from tidings import __version__

    assert cli("version").stdout == f"tidings {__version__}\n"
    assert cli.json("version")["tidings"] == __version__


# --- provisioning -----------------------------------------------------------------------------------------------------


def test_apply_brings_accounts_to_the_described_state_and_is_safe_to_repeat(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text(PROVISION)
    first = cli.json("apply", str(file), "--dry-run")
    assert first["applied"] is False
    assert not cli.data.exists()
    applied = cli.json("apply", str(file))
    assert applied["changes"] == first["changes"]
    assert len(applied["changes"]) == 4
    assert cli.json("apply", str(file))["changes"] == []
    assert {user["name"]: user["role"] for user in cli.json("user", "list")} == {"admin": "owner", "app": "publisher"}
    assert "correct horse" not in json.dumps(applied)


def test_actions_in_a_provisioning_file_are_applied_and_stay_where_it_does_not_name_them(
    cli: Cli, tmp_path: Path
) -> None:
    file = tmp_path / "p.toml"

    def apply(actions: str) -> list[str]:
        text = PROVISION.replace('role = "publisher"', f'role = "publisher"{actions}')
        assert (text != PROVISION) is bool(actions)
        file.write_text(text)
        changes: list[str] = cli.json("apply", str(file))["changes"]
        actions_now = {user["name"]: user["actions"] for user in cli.json("user", "list")}
        assert actions_now["admin"] == []
        shown.append(actions_now["app"])
        return changes

    shown: list[list[str]] = []
    assert len(apply(', actions = ["smn:topic:publish", "sns:Publish"]')) == 4
    assert apply(', actions = ["smn:topic:publish", "sns:Publish"]') == []
    assert apply("") == []
    assert apply(', actions = ["*"]') == ["user 000000000000/app: change role=publisher actions=*"]
    assert apply(", actions = []") == ["user 000000000000/app: change role=publisher"]
    both = ["smn:topic:publish", "sns:Publish"]
    assert shown == [both, both, both, ["*"], []]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[[accounts]]\nname='x'", "unknown key accounts"),
        ("account = 3", "account must be a list of tables"),
        ("[[account]]\nname='x'", "account 1: account_id is missing"),
        ("[[account]]\nname='x'\naccount_id=1", "account 1: account_id must be text in quotes"),
        ("[[account]]\nname='x'\naccount_id='1'\nregion='y'", "account 1: unknown key region"),
        ("[[account]]\nname='x'\naccount_id='1'\nusers=[{name='a', rol='owner'}]", "account 1, users: unknown key rol"),
        (
            "[[account]]\nname='x'\naccount_id='1'\nusers=[{name='a', role='king'}]",
            "account 1, users: role must be one of owner, operator, publisher, auditor",
        ),
        (
            "[[account]]\nname='x'\naccount_id='1'\nusers=[{name='a', actions='*'}]",
            "account 1, users: actions must be a list of texts in quotes",
        ),
        (
            "[[account]]\nname='x'\naccount_id='123456789012'\nusers=[{name='a', actions=['x']}]",
            "actions: SERVICE:ACTION",
        ),
        ("[[account]]\nname='x'\naccount_id='1'\naccess_keys=[{id='a'}]", "account 1, access_keys: secret is missing"),
        (
            "[[account]]\nname='x'\naccount_id='1'\n[[account.sms_sign]]\nid=1",
            "account 1, sms_sign: unknown key id",
        ),
        (
            "[[account]]\nname='x'\naccount_id='1'\n[[account.sms_template]]\nid=1",
            "account 1, sms_template 1: type is missing",
        ),
        (
            "[[account]]\nname='x'\naccount_id='1'\n[[account]]\nname='x'\naccount_id='2'",
            "two accounts have the same name",
        ),
        ("[[account", "is not TOML"),
    ],
)
def test_a_mistake_in_a_provisioning_file_is_told_with_its_place(
    cli: Cli, tmp_path: Path, text: str, line: str
) -> None:
    file = tmp_path / "p.toml"
    file.write_text(text)
    result = cli("apply", str(file))
    assert result.exit_code == 2
    assert line in result.stderr
    assert len(result.stderr.splitlines()) == 1


# --- ledger -----------------------------------------------------------------------------------------------------------


def entry(number: int, event: Event, **origin: str) -> LedgerEntry:
    return LedgerEntry(
        id=0,
        at=datetime(2026, 5, number, 12, tzinfo=UTC),
        event=event,
        account_id=AccountId("000000000000"),
        topic_id=TopicId(number),
        topic_name=f"topic-{number}",
        region="us-east-1",
        subscription_uid=f"{number:032x}",
        protocol="email",
        endpoint=f"reader-{number}@example.com",
        before=State.CONFIRMED,
        after=State.CANCELED,
        origin=Origin(Way.LINK, **origin),
    )


def test_the_ledger_is_filtered_by_everything_it_offers(cli: Cli) -> None:
    cli.commit(Unit(ledger=[entry(number, Event.CANCELED) for number in range(1, 6)]))

    def found(*filters: str) -> list[str]:
        result = cli("ledger", "--json", *filters)
        assert result.exit_code == 0, result.output
        return [json.loads(line)["topic_name"] for line in result.stdout.splitlines()]

    assert found() == [f"topic-{number}" for number in range(1, 6)]
    assert found("--endpoint", "reader-2@example.com") == ["topic-2"]
    assert found("--topic", "3") == ["topic-3"]
    subscription = f"arn:aws:sns:us-east-1:000000000000:topic-4:00000000-0000-0000-0000-{4:012x}"
    assert found("--subscription", subscription) == ["topic-4"]
    assert found("--since", "2026-05-04T12:00:00+00:00") == ["topic-4", "topic-5"]
    assert found("--since", "2026-05-02", "--until", "2026-05-03T12:00:00") == ["topic-2"]
    assert found("--account", "999999999999") == []
    assert cli("ledger", "--account", "999999999999").stdout == "no entries\n"


def test_the_ledger_as_csv_holds_every_column_and_no_formula(cli: Cli) -> None:
    cli.commit(Unit(ledger=[entry(1, Event.CANCELED, user_agent="=cmd|'/c calc'!A1", raw_text="STOP, please")]))
    rows = list(csv.DictReader(io.StringIO(cli("ledger", "--csv").stdout)))
    assert rows[0]["event"] == "canceled"
    assert rows[0]["way"] == "link"
    assert (rows[0]["before"], rows[0]["after"]) == ("confirmed", "canceled")
    assert rows[0]["user_agent"] == "'=cmd|'/c calc'!A1"
    assert rows[0]["raw_text"] == "STOP, please"


def test_the_ledger_tells_what_a_person_texted_in_all_three_forms(cli: Cli) -> None:
    said = replace(
        entry(1, Event.OPTED_OUT, raw_text="Stop!\x1b"),
        topic_name="",
        region="",
        protocol="sms",
        endpoint="+12025550123",
        address="+18885550100",
        keyword="STOP",
        transport_id="=mo-7",
        sent_at=datetime(2026, 5, 1, 11, 59, tzinfo=UTC),
    )
    cli.commit(Unit(ledger=[said, entry(2, Event.CANCELED)]))
    told = {"address": "+18885550100", "keyword": "STOP", "raw_text": "Stop!\x1b", "transport_id": "=mo-7"}
    shown, plain = [json.loads(line) for line in cli("ledger", "--json").stdout.splitlines()]
    assert shown | told | {"sent_at": "2026-05-01T11:59:00+00:00"} == shown
    assert (plain["address"], plain["sent_at"]) == ("", None)
    row, other = csv.DictReader(io.StringIO(cli("ledger", "--csv").stdout))
    assert row | told | {"transport_id": "'=mo-7", "sent_at": "2026-05-01T11:59:00+00:00"} == row
    assert other["sent_at"] == ""
    line, without = cli("ledger").stdout.splitlines()
    assert "sms +12025550123  at +18885550100  by link" in line
    assert line.endswith('keyword STOP  text "Stop!�"  id =mo-7  sent at 2026-05-01T11:59:00+00:00')
    assert "topic topic-2 (us-east-1)" in without
    assert "keyword" not in without


def test_the_ledger_as_text_shows_no_control_characters(cli: Cli) -> None:
    cli.commit(Unit(ledger=[entry(1, Event.CANCELED, principal="\x1b[2Jevil")]))
    assert "\x1b" not in cli("ledger").stdout
    assert "evil" in cli("ledger").stdout


# --- backup, restore, migrate -----------------------------------------------------------------------------------------


def test_a_backup_is_restored_elsewhere(cli: Cli, tmp_path: Path) -> None:
    cli("account", "create", "acme", "--id", "123456789012")
    copy = tmp_path / "copy.db"
    made = cli.json("backup", str(copy))
    assert made["bytes"] == copy.stat().st_size
    assert made["keep_too"] == str(cli.data / "secret.key")
    assert copy.stat().st_mode & 0o077 == 0

    other = Cli(tmp_path / "other")
    result = other("restore", str(copy))
    assert result.exit_code == 0, result.output
    assert "secret.key" in result.stdout
    (other.data / "secret.key").write_bytes((cli.data / "secret.key").read_bytes())
    (other.data / "secret.key").chmod(0o600)
    assert other.json("account", "list")[0]["account_id"] == "123456789012"


def test_a_backup_replaces_nothing_without_force(cli: Cli, tmp_path: Path) -> None:
    cli("account", "create", "acme")
    copy = tmp_path / "copy.db"
    copy.write_text("precious")
    assert cli("backup", str(copy)).exit_code == 1
    assert copy.read_text() == "precious"
    assert cli("backup", str(copy), "--force").exit_code == 0


def test_a_backup_of_nothing_makes_nothing(cli: Cli, tmp_path: Path) -> None:
    result = cli("backup", str(tmp_path / "copy.db"))
    assert result.exit_code == 1
    assert "there is no database" in result.stderr
    assert not cli.data.exists()


def test_a_restore_replaces_nothing_without_force_and_forgets_what_came_after(cli: Cli, tmp_path: Path) -> None:
    cli("account", "create", "before")
    copy = tmp_path / "copy.db"
    cli("backup", str(copy))
    cli("account", "create", "after")
    assert cli("restore", str(copy)).exit_code == 1
    assert len(cli.json("account", "list")) == 2
    assert cli("restore", str(copy), "--force").exit_code == 0
    assert [account["name"] for account in cli.json("account", "list")] == ["before"]


def test_a_log_that_a_crash_left_is_not_replayed_into_what_was_restored(cli: Cli, tmp_path: Path) -> None:
    cli("account", "create", "before")
    copy, log = tmp_path / "copy.db", cli.data / "tidings.db-wal"
    cli("backup", str(copy))
    killed = Database(cli.data / "tidings.db")
    try:
        # By now the log holds what no checkpoint has brought into the database.
        cli("account", "create", "after")
        left = log.read_bytes()
    finally:
        killed.close()
    log.write_bytes(left)
    assert b"after" in left
    assert cli("restore", str(copy), "--force").exit_code == 0
    assert [account["name"] for account in cli.json("account", "list")] == ["before"]


def test_a_restore_is_refused_while_a_server_delivers(cli: Cli, tmp_path: Path) -> None:
    cli("account", "create", "acme")
    copy = tmp_path / "copy.db"
    cli("backup", str(copy))
    holder = Database(cli.data / "tidings.db")
    holder.claim()
    try:
        result = cli("restore", str(copy), "--force")
    finally:
        holder.close()
    assert result.exit_code == 1
    assert "a Tidings server is delivering" in result.stderr
    assert cli("restore", str(copy), "--force").exit_code == 0


@pytest.mark.parametrize("damage", ["not a database", "another program's", "cut off", "newer"])
def test_a_file_that_is_not_a_whole_backup_is_refused_and_nothing_changes(
    cli: Cli, tmp_path: Path, damage: str
) -> None:
    import apsw

    cli("account", "create", "acme")
    copy = tmp_path / "copy.db"
    cli("backup", str(copy))
    match damage:
        case "not a database":
            copy.write_bytes(b"hello" * 1000)
        case "another program's":
            copy.unlink()
            apsw.Connection(str(copy)).execute("CREATE TABLE t (x)")
        case "cut off":
            copy.write_bytes(copy.read_bytes()[: copy.stat().st_size // 2])
        case "newer":
            apsw.Connection(str(copy)).execute(
                "INSERT INTO schema_version VALUES (?, 'pre', 'next', '')", (known_schema() + 1,)
            )
    result = cli("restore", str(copy), "--force")
    assert result.exit_code == 1, result.output
    assert len(result.stderr.splitlines()) == 1
    assert [account["name"] for account in cli.json("account", "list")] == ["acme"]
    assert not [path for path in cli.data.iterdir() if path.name.endswith(".restoring")]


def test_a_restore_of_what_is_no_backup_leaves_nothing_at_a_new_place(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("no database")
    elsewhere = Cli(tmp_path / "elsewhere")
    result = elsewhere("restore", str(file))
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert str(file) in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt"]


def test_migrate_makes_the_database_and_is_safe_to_repeat(cli: Cli) -> None:
    first = cli.json("migrate")
    assert first["before"] == 0
    assert first["after"] >= 1
    assert cli.json("migrate") == {"before": first["after"], "after": first["after"]}


def test_migrate_leaves_a_running_server_what_it_uses(cli: Cli) -> None:
    assert "A server is running" not in cli("migrate").stdout
    running = Database(cli.data / "tidings.db")
    running.claim()
    result = cli("migrate")
    running.close()
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 2)
    assert "A server is running" in result.stdout


# --- doctor -----------------------------------------------------------------------------------------------------------


def examined(cli: Cli, *options: str) -> tuple[int, dict[str, dict[str, str]]]:
    result = cli("doctor", "--json", *options)
    return result.exit_code, {check["name"]: check for check in json.loads(result.stdout)}


def test_the_doctor_finds_a_good_server_good(cli: Cli) -> None:
    cli("account", "create", "acme")
    cli("user", "create", "app")
    cli("key", "create", "app")
    code, found = examined(cli)
    assert code == 0
    assert found["store"]["state"] == found["data directory"]["state"] == "ok"
    assert found["secret key"]["detail"] == "opens all 1 access keys"


def test_the_doctor_makes_nothing(cli: Cli) -> None:
    assert examined(cli)[0] == 0
    assert not cli.data.exists()


def test_the_doctor_notices_a_lost_secret_key(cli: Cli) -> None:
    cli("account", "create", "acme")
    cli("user", "create", "app")
    cli("key", "create", "app")
    (cli.data / "secret.key").write_text("0" * 64)
    code, found = examined(cli)
    assert code == 1
    assert "sealed with another secret key" in found["secret key"]["detail"]
    assert found["secret key"]["mend"]
    (cli.data / "secret.key").unlink()
    code, found = examined(cli)
    assert code == 1
    assert "missing" in found["store"]["detail"]


def test_the_doctor_notices_a_damaged_database(cli: Cli) -> None:
    cli.data.mkdir()
    (cli.data / "tidings.db").write_bytes(b"junk" * 5000)
    code, found = examined(cli)
    assert code == 1
    assert "restore" in found["store"]["mend"]


def test_the_doctor_notices_a_wall_clock_that_was_set_back(cli: Cli) -> None:
    """What is stored was written an hour from now."""
    cli("account", "create", "acme")
    assert "behind the times" not in examined(cli)[1]["clock"]["detail"]
    database = apsw.Connection(str(cli.data / "tidings.db"))
    database.execute("UPDATE clock_mark SET at = ?", (int((time.time() + 3600) * 1e6),))
    database.close()
    found = examined(cli)[1]["clock"]
    assert found["state"] == "warn"
    assert "behind the times of what is stored" in found["detail"]


def test_the_doctor_speaks_with_the_relay(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setenv("TIDINGS_SMTP_URL", f"smtp://127.0.0.1:{listening.getsockname()[1]}")
        for greeting, code in ((b"220 hello\r\n", 0), (b"HTTP/1.1 400 what?\r\n", 1)):
            child = subprocess.Popen(  # the doctor runs in this thread
                [
                    sys.executable,
                    "-c",
                    f"import socket; s=socket.socket(fileno={listening.fileno()}); c,_=s.accept(); c.sendall({greeting!r})",
                ],
                pass_fds=[listening.fileno()],
            )
            found_code, found = examined(cli)
            child.wait(10)
            assert found_code == code, found["mail relay"]
    code, found = examined(cli)
    assert code == 1
    assert found["mail relay"]["mend"]


@pytest.mark.parametrize(
    ("environment", "name", "state"),
    [
        ({"TIDINGS_PUBLIC_URL": "http://127.0.0.1:1"}, "public URL", "warn"),
        ({"TIDINGS_PUBLIC_URL": "https://no-such-host.invalid"}, "public URL", "FAIL"),
        ({"TIDINGS_PUBLIC_URL": "https://203.0.113.7"}, "public URL", "ok"),
        ({"TIDINGS_PUBLIC_URL": "http://203.0.113.7"}, "public URL", "warn"),
        ({"TIDINGS_EGRESS_ALLOW": "0.0.0.0/0"}, "egress", "FAIL"),
        ({"TIDINGS_EGRESS_ALLOW": "169.254.169.254/32"}, "egress", "warn"),
        ({"TIDINGS_EGRESS_ALLOW": "10.0.0.0/8"}, "egress", "ok"),
        ({"TIDINGS_DEV": "on", "TIDINGS_LISTEN": "0.0.0.0:8010"}, "developer mode", "FAIL"),
        ({"TIDINGS_DEV": "on", "TIDINGS_DEV_PUBLIC": "on", "TIDINGS_LISTEN": "0.0.0.0:8010"}, "developer mode", "warn"),
        ({"TIDINGS_DEV": "on"}, "developer mode", "ok"),
    ],
)
def test_the_doctor_judges_the_settings(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], name: str, state: str
) -> None:
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    code, found = examined(cli)
    assert found[name]["state"] == state
    assert code == (1 if state == checks.FAIL else 0)
    assert state == "ok" or found[name]["mend"]


# --- the first start --------------------------------------------------------------------------------------------------


async def started(data: Path, wanted: Wanted) -> tuple[Ready, Accounts, Any]:
    store, vault = await open_store(load({"data": str(data)}, {}))
    accounts = Accounts(store, await open_clock(store), vault)
    return await bootstrap(accounts, wanted), accounts, store


async def test_developer_mode_has_the_credentials_everybody_knows_at_every_start(tmp_path: Path) -> None:
    for _ in range(2):
        ready, accounts, store = await started(tmp_path, Wanted(dev=True))
        try:
            assert (ready.account_id, ready.access_key_id, ready.secret_access_key) == (
                DEV_ACCOUNT_ID,
                DEV_KEY_ID,
                DEV_SECRET,
            )
            assert ready.password == DEV_SECRET
            assert [account.project_id for account in await accounts.all()] == [DEV_PROJECT_ID]
            assert f"# SMN: project {DEV_PROJECT_ID}, region eu-central-1, user admin, domain default" in ready.lines(
                "eu-central-1"
            )
        finally:
            await store.close()


async def test_developer_mode_leaves_a_password_that_somebody_chose(tmp_path: Path) -> None:
    _, accounts, store = await started(tmp_path, Wanted(dev=True))
    try:
        await accounts.set_user(AccountId(DEV_ACCOUNT_ID), "admin", password="chosen by somebody")
    finally:
        await store.close()
    ready, accounts, store = await started(tmp_path, Wanted(dev=True))
    try:
        assert ready.password == ""
        user = await accounts.user(AccountId(DEV_ACCOUNT_ID), "admin")
        assert user is not None
        assert await accounts.has_password(user, "chosen by somebody")
    finally:
        await store.close()


async def test_the_first_start_makes_random_credentials_and_shows_them_once(tmp_path: Path) -> None:
    ready, accounts, store = await started(tmp_path, Wanted())
    try:
        assert ready.access_key_id != DEV_KEY_ID
        assert len(ready.secret_access_key) >= 30
        assert ready.password
        again = await bootstrap(accounts, Wanted())
        assert again == Ready(ready.account_id, project_id=ready.project_id, account_name="default")
        assert again.lines("us-east-1") == []
        assert [account.project_id for account in await accounts.all()] == [ready.project_id]
        assert len(await accounts.access_keys(AccountId(ready.account_id))) == 1
    finally:
        await store.close()


async def test_given_credentials_are_taken_and_never_shown(tmp_path: Path) -> None:
    wanted = Wanted(
        account_id="123456789012", access_key_id="given", secret_access_key="given-secret", password="given-password"
    )
    ready, accounts, store = await started(tmp_path, wanted)
    try:
        assert ready.account_id == "123456789012"
        assert "given-secret" not in " ".join(ready.lines("us-east-1"))
        assert "given-password" not in " ".join(ready.lines("us-east-1"))
        assert [key.key_id for key in await accounts.access_keys(AccountId("123456789012"))] == ["given"]
        assert (await bootstrap(accounts, wanted)).changes == ()
    finally:
        await store.close()


async def test_a_later_start_leaves_the_first_users_actions_alone(tmp_path: Path) -> None:
    ready, accounts, store = await started(tmp_path, Wanted(dev=True))
    try:
        account_id = AccountId(ready.account_id)
        await accounts.set_user(account_id, "admin", actions=("sns:*",))
        assert (await bootstrap(accounts, Wanted(dev=True, password="another horse"))).changes
        user = await accounts.user(account_id, "admin")
        assert user is not None
        assert user.actions == ("sns:*",)
    finally:
        await store.close()


async def test_accounts_that_were_provisioned_are_not_joined_by_a_random_one(tmp_path: Path) -> None:
    _, accounts, store = await started(tmp_path, Wanted(account_id="123456789012"))
    try:
        await bootstrap(accounts, Wanted())
        assert len(await accounts.all()) == 1
    finally:
        await store.close()


# --- serve ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Any]:
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tidings",
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--data",
                str(tmp_path / "data"),
                *options,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_answers_an_unmodified_sdk_and_stops_cleanly(serving: Any, number: signal.Signals) -> None:
    process = serving("--dev", "--json")
    facts = json.loads(first_line(process))
    sns = boto3.client(
        "sns",
        endpoint_url=facts["url"],
        region_name="us-east-1",
        aws_access_key_id=facts["access_key_id"],
        aws_secret_access_key=facts["secret_access_key"],
    )
    assert sns.create_topic(Name="hello")["TopicArn"] == "arn:aws:sns:us-east-1:000000000000:hello"
    sns.close()
    with urlopen(f"{facts['url']}/readyz", timeout=5) as answer:
        assert answer.status == 200
    process.send_signal(number)
    _out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Traceback" not in err


def test_serve_prints_what_one_pastes(serving: Any) -> None:
    process = serving("--dev")
    line = first_line(process)
    process.send_signal(signal.SIGINT)
    text = process.stdout.read()  # not communicate: it would miss what readline has buffered
    url = line.split(" on ")[1].split()[0]
    assert "export AWS_ACCESS_KEY_ID=tidings" in text
    assert f"aws --endpoint-url {url} sns create-topic --name hello" in text
    assert f"{url}/api/v1/openapi.json" in text
    assert f"# SMN: project {DEV_PROJECT_ID}, region us-east-1, user admin, domain default" in text
    assert f"{url}/api/v1/dev/outbox" in text
    assert process.wait(20) == 0


def test_serve_applies_a_provisioning_file_before_it_opens(serving: Any, tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text(PROVISION)
    process = serving("--provision", str(file), "--json")
    facts = json.loads(first_line(process))
    assert facts["account_id"] == "000000000000"
    assert facts["secret_access_key"] is None
    process.terminate()
    process.communicate(timeout=60)
    assert [account["name"] for account in Cli(tmp_path / "data").json("account", "list")] == ["default"]


def test_a_second_server_on_the_same_data_is_refused(serving: Any, tmp_path: Path) -> None:
    process = serving("--dev", "--json")
    first_line(process)
    _, err = serving("--dev", "--json").communicate(timeout=60)
    assert "stop it first" in err
    assert "Traceback" not in err
    copy = tmp_path / "copy.db"
    assert Cli(tmp_path / "data")("backup", str(copy)).exit_code == 0
    assert copy.exists()


def test_a_taken_port_is_one_line(serving: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = serving("--listen", f"127.0.0.1:{taken.getsockname()[1]}")
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.splitlines()[-1].startswith("tidings: cannot listen on 127.0.0.1:")
    assert "Traceback" not in err


def test_the_claim_of_the_store_is_what_restore_looks_at(tmp_path: Path) -> None:
    one, other = Database(tmp_path / "t.db"), Database(tmp_path / "t.db")
    one.claim()
    with pytest.raises(Unavailable):
        other.claim()
    one.close()
    other.close()


# --- a newcomer's first commands --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("optout", "list"),
        ("optout", "export", "out.csv"),
        ("ledger",),
        ("account", "list"),
        ("user", "list"),
        ("user", "create", "app"),
        ("key", "list"),
        ("key", "create", "app"),
        ("key", "disable", "app"),
        ("backup", "copy.db"),
    ],
)
def test_a_wrong_data_directory_is_told_and_nothing_is_made(
    cli: Cli, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    result = cli(*arguments)
    assert result.exit_code == 1
    assert result.stderr.strip() == (
        f"tidings: there is no database {cli.data}/tidings.db; is --data right? A start makes one: tidings serve"
    )
    assert list(tmp_path.iterdir()) == []


def test_an_existing_directory_without_a_database_stays_as_it_is(cli: Cli) -> None:
    cli.data.mkdir()
    assert "there is no database" in cli("ledger").stderr
    assert list(cli.data.iterdir()) == []


@pytest.mark.parametrize("arguments", [("migrate",), ("account", "create", "acme"), ("apply", "{file}")])
def test_a_data_directory_that_cannot_be_is_one_line(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    file = tmp_path / "p.toml"
    file.write_text(PROVISION)
    result = Cli(file / "data")(*(argument.format(file=file) for argument in arguments))
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line == f"tidings: {file}/data: Not a directory"
    code, found = examined(Cli(file / "data"))
    assert (code, found["data directory"]["state"]) == (1, "FAIL")
    assert found["data directory"]["mend"]


def test_a_server_without_a_place_for_its_data_ends_with_one_line(serving: Any, tmp_path: Path) -> None:
    """In a process of its own: what `serve` sets up for the log stays."""
    file = tmp_path / "file"
    file.touch()
    _, err = serving("--data", str(file / "data")).communicate(timeout=60)
    assert err.splitlines() == [f"tidings: {file}/data: Not a directory"]


def test_help_and_version_answer_to_what_people_type(cli: Cli) -> None:
    short = cli("-h")
    assert short.exit_code == 0
    assert short.output == cli("--help").output
    assert cli("serve", "-h").exit_code == cli("key", "create", "-h").exit_code == 0
    assert cli("--version").output == cli("version").output
    commands = short.output.split("Commands", 1)[1]
    assert commands.index("serve") < commands.index("demo") < commands.index("config") < commands.index("doctor")
    assert "did you mean 'serve'" in cli("serv").output.replace("\n", " ").lower()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_given_its_completion(shell: str) -> None:
    command = [sys.executable, "-c", "from tidings.__main__ import main; main()"]
    environment = {**os.environ, "_TIDINGS_COMPLETE": f"source_{shell}"}
    found = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert "_TIDINGS_COMPLETE" in found.stdout, found.stderr


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("TIDINGS_LISTN", "TIDINGS_LISTEN"),
        ("TIDINGS_SMPTURL", "TIDINGS_SMTP_URL"),
        ("TIDINGS_public_url", "TIDINGS_PUBLIC_URL"),
    ],
)
def test_a_mistyped_setting_is_answered_with_the_one_that_was_meant(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, wrong: str, meant: str, tmp_path: Path
) -> None:
    monkeypatch.setenv(wrong, "x")
    result = cli("config")
    assert (result.exit_code, result.stderr.strip()) == (
        2,
        f"tidings: unknown setting {wrong} in the environment; did you mean {meant}?",
    )
    monkeypatch.delenv(wrong)
    file = tmp_path / "tidings.toml"
    file.write_text('public-url = "https://a.example"\n')
    assert cli("config", "--config", str(file)).stderr.strip() == (
        f"tidings: unknown setting 'public-url' in {file}; did you mean public_url?"
    )
    file.write_text('colour = "red"\n')
    assert cli("config", "--config", str(file)).stderr.strip() == f"tidings: unknown setting 'colour' in {file}"


def test_the_doctor_judges_the_server_that_runs(serving: Any, tmp_path: Path) -> None:
    cli = Cli(tmp_path / "data")
    process = serving("--dev", "--json")
    url = json.loads(first_line(process))["url"]
    code, found = examined(cli)
    assert code == 0
    assert found["server"]["detail"] == f"running (process {process.pid}) on {url}; its settings are judged"
    assert found["developer mode"]["detail"] == "on, listening on 127.0.0.1"
    assert found["mail relay"]["detail"] == "none; mail goes to the outbox"
    assert found["public URL"]["state"] == "ok"
    process.terminate()
    process.communicate(timeout=60)
    code, found = examined(cli)
    assert found["server"]["detail"].startswith("none is running")
    assert not (tmp_path / "data" / "server.json").exists()


def test_the_doctor_says_which_secrets_of_the_server_it_lacks(
    serving: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDINGS_SMTP_URL", "smtp://user:pass-word@127.0.0.1:1")
    first_line(serving("--dev", "--json"))
    monkeypatch.delenv("TIDINGS_SMTP_URL")
    _, found = examined(Cli(tmp_path / "data"))
    assert found["server"]["state"] == "warn"
    assert found["server"]["mend"] == "set TIDINGS_SMTP_URL as the server has it"
    assert "pass-word" not in (tmp_path / "data" / "server.json").read_text()


def test_a_stop_of_the_whole_process_group_is_quiet(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "tidings",
        "serve",
        "--dev",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--data",
        str(tmp_path),
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    facts = json.loads(first_line(process))
    # A first signature: the signing process is up and reads.
    sns = boto3.client(
        "sns", endpoint_url=facts["url"], region_name="us-east-1",
        aws_access_key_id=facts["access_key_id"], aws_secret_access_key=facts["secret_access_key"],
    )  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as hook:
        hook.settimeout(20)
        topic = sns.create_topic(Name="hello")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"http://127.0.0.1:{hook.getsockname()[1]}/")
        hook.accept()[0].close()
    sns.close()
    os.killpg(process.pid, signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "signing process" not in err
    assert "error" not in err.lower()
