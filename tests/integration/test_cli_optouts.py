"""Opt-outs on the command line: lists, exports, imports, and inbound addresses from a provisioning file."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from tidings.access.authorize import authorize
from tidings.cli import optout_lines, optouts
from tidings.cli.main import app
from tidings.domain.grants import Verb
from tidings.domain.model import AccountId, Origin, Principal, Role, Way
from tidings.domain.optout import IncomingText
from tidings.observe.metrics import Metrics
from tidings.services.texting import optout_import
from tidings.services.texting.texting import make_texting
from tidings.settings import load
from tidings.wiring import open_clock, open_store

ACCOUNT = "000000000000"
ADDRESS = "+18885550100"
PHONE = "+12025550123"
APP = f"""
[[account]]
name = "default"
account_id = "{ACCOUNT}"
"""
PROVISION = f"""{APP}
[[account.sms_application]]
sdk_app_id = "1400006666"
sender = "{ADDRESS}"

[[account.inbound_address]]
address = "{ADDRESS}"
description = "US toll-free"
opt_out_keywords = ["STOP", "UNSUBSCRIBE", "QUIT"]
opt_in_keywords = ["START", "SUBSCRIBE"]
rules = {{ "1400006666" = ["marketing", "notification"] }}
"""


_TEMPLATE = "[[account.sms_template]]\nid={}\ntype='notification'\nname='x'\ncontent='{}'\n"


class Cli:
    """The command with a data directory of its own, and a provisioning file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.runner = CliRunner()

    def __call__(self, *arguments: str) -> Result:
        return self.runner.invoke(app, list(arguments), env={"TIDINGS_DATA": str(self.data)})

    def json(self, *arguments: str) -> Any:
        result = self(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def lines(self, *arguments: str) -> list[dict[str, Any]]:
        result = self(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]

    def provision(self, text: str, *options: str) -> Result:
        (self.folder / "p.toml").write_text(text)
        return self("apply", str(self.folder / "p.toml"), *options)

    def changes(self, text: str) -> list[str]:
        result = self.provision(text, "--json")
        assert result.exit_code == 0, result.output
        return list(json.loads(result.stdout)["changes"])

    def file(self, text: str, name: str = "list.csv") -> str:
        (self.folder / name).write_text(text, "utf-8", newline="")
        return str(self.folder / name)

    def with_service(self, *texts: str, phone: str = PHONE, lift: bool = False, delete: bool = False) -> None:
        """What happens meanwhile: texts that come in, an opt-out that is lifted, an address that is deleted."""

        async def work() -> None:
            store, _ = await open_store(load({"data": str(self.data)}, {}))
            try:
                service = make_texting(
                    store,
                    store,
                    await open_clock(store),
                    Metrics(),
                    new_message_id=lambda: os.urandom(8).hex(),
                    texts=store,
                )
                owner, origin = AccountId(ACCOUNT), Origin(Way.API)
                principal = Principal(owner, "admin", Role.OWNER)
                for text in texts:
                    await service.inbound.receive(IncomingText(ADDRESS, phone, text), origin)
                if lift:
                    grant = authorize(principal, Verb.LIFT_OPT_OUTS, owner=owner, resource=phone)
                    await service.opt_outs.opt_in(grant, ADDRESS, phone, reason="r", origin=origin, forced=True)
                if delete:
                    grant = authorize(principal, Verb.MANAGE_OPT_OUTS, owner=owner, resource=ADDRESS)
                    await service.addresses.delete(grant, ADDRESS, origin=origin)
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
    made = Cli(tmp_path)
    assert made.provision(PROVISION).exit_code == 0
    return made


# --- importing -----------------------------------------------------------------------------------------------------------------


def test_a_list_is_imported_shown_and_written_down(cli: Cli) -> None:
    file = cli.file(
        f"phone,reason,since,address\n{PHONE},by mail,2025-03-01T10:00:00+02:00,{ADDRESS}\n\n+12025550124,,2025-04-01,\n"
    )
    told = cli.json("optout", "import", file)
    assert told == {"lines": 2, "added": 2, "known": 0, "late": 0, "bad": 0}
    first, second = cli.lines("optout", "list")
    assert (first["phone"], first["address"], first["reason"], first["way"]) == (PHONE, ADDRESS, "by mail", "import")
    assert first["since"] == first["event_at"] == "2025-03-01T08:00:00+00:00"
    assert (second["phone"], second["address"], second["since"]) == ("+12025550124", "*", "2025-04-01T00:00:00+00:00")
    entries = cli.lines("ledger")
    assert [(it["event"], it["way"], it["before"], it["after"]) for it in entries] == [
        ("opted-out", "import", "confirmed", "canceled")
    ] * 2


def test_an_import_is_safe_to_repeat(cli: Cli) -> None:
    file = cli.file(f"phone\n{PHONE}\n{PHONE}\n+12025550124\n")
    first = cli.json("optout", "import", file, "--address", ADDRESS)
    assert (first["added"], first["known"]) == (2, 1)
    listed = cli.lines("optout", "list", "--address", ADDRESS)
    again = cli.json("optout", "import", file, "--address", ADDRESS)
    assert (again["added"], again["known"]) == (0, 3)
    assert cli.lines("optout", "list") == listed
    assert len(cli.lines("ledger")) == 2


def test_more_than_a_unit_is_imported_and_listed_in_order(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optout_import, "UNIT_LINES", 40)
    monkeypatch.setattr(optouts, "_PAGE_ROWS", 7)
    phones = [f"+1202556{number:04d}" for number in range(100)]
    rows = "".join(f"{phone},2025-01-{1 + number // 20:02d}\n" for number, phone in enumerate(phones))
    assert cli.json("optout", "import", cli.file(f"phone,since\n{rows}"))["added"] == 100
    assert [row["phone"] for row in cli.lines("optout", "list")] == phones
    assert [row["phone"] for row in cli.lines("optout", "list", "--phone", phones[50])] == [phones[50]]
    assert cli.lines("optout", "list", "--address", ADDRESS) == []


def test_bad_lines_are_told_by_number_and_nothing_is_imported(cli: Cli) -> None:
    text = (
        f"phone,address,reason,since\n{PHONE},,,\n12025550124,,,\n+12025550125,+18885559999,,\n"
        "+12025550126,,,soon\n+12025550127,,,2999-01-01\n+12025550128\n+12025550129,,a\x07b,\n"
    )
    file = cli.file(text)
    result = cli("optout", "import", file)
    assert result.exit_code == 1
    told = result.stderr.splitlines()
    assert [line.split(": ", 2)[:2] for line in told[:-1]] == [
        [f"{file}, line 3", "phone"],
        [f"{file}, line 4", "address"],
        [f"{file}, line 5", "since"],
        [f"{file}, line 6", "since"],
        [f"{file}, line 7", "has 1 columns, not 4"],
        [f"{file}, line 8", "reason"],
    ]
    assert told[-1] == "tidings: nothing was imported: 6 of 7 lines are bad; --skip-bad leaves them out"
    assert cli.lines("optout", "list") == []
    assert cli.json("optout", "import", file, "--skip-bad") == {
        "lines": 7, "added": 1, "known": 0, "late": 0, "bad": 6,
    }  # fmt: skip
    assert [row["phone"] for row in cli.lines("optout", "list")] == [PHONE]


def test_a_flood_of_bad_lines_does_not_flood_the_terminal(cli: Cli) -> None:
    result = cli("optout", "import", cli.file("phone\n" + "x\n" * 500))
    assert len(result.stderr.splitlines()) == 22
    assert "500 of 500 lines are bad" in result.stderr


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "has no column phone in its first line"),
        (b"number\n+12025550123\n", "has no column phone"),
        (b"phone,resaon\n", "unknown column 'resaon'"),
        (b"phone,phone\n", "the column phone is there twice"),
        (b"phone\n\xff\xfe\n", "is not UTF-8"),
        (b'phone,reason\n+12025550123,"never closed\n', "1 of 1 lines are bad"),
        (b"phone\n" + b"1" * 1_000_000, "lines are bad"),
    ],
)
def test_a_file_that_is_no_such_list_is_refused(cli: Cli, content: bytes, told: str) -> None:
    (cli.folder / "odd.csv").write_bytes(content)
    result = cli("optout", "import", str(cli.folder / "odd.csv"))
    assert result.exit_code in (1, 2)
    assert told in result.stderr
    assert "Traceback" not in result.output
    assert cli.lines("optout", "list") == []


def test_what_spreadsheets_write_is_understood(cli: Cli) -> None:
    (cli.folder / "excel.csv").write_bytes(f'\ufeff"Phone","Reason"\r\n"{PHONE}","two\u00a0words"\r\n'.encode())
    assert cli("optout", "import", str(cli.folder / "excel.csv")).exit_code == 1  # a space that is none
    (cli.folder / "excel.csv").write_bytes(f'\ufeff"Phone","Reason"\r\n" {PHONE} ","a, ""b"""\r\n'.encode())
    assert cli.json("optout", "import", str(cli.folder / "excel.csv"))["added"] == 1
    assert cli.lines("optout", "list")[0]["reason"] == 'a, "b"'


def test_an_import_never_overrules_what_the_person_said_here(cli: Cli) -> None:
    cli.with_service("STOP", "START")
    cli.with_service("STOP", phone="+12025550124")
    old = cli.file(f"phone,since\n{PHONE},2024-01-01\n+12025550124,2024-01-01\n")
    told = cli.json("optout", "import", old, "--address", ADDRESS)
    assert (told["added"], told["known"], told["late"]) == (0, 1, 1)
    (kept,) = cli.lines("optout", "list")
    assert (kept["phone"], kept["way"], kept["raw_text"]) == ("+12025550124", "carrier", "STOP")
    # Without a time the list says that it is so now.
    assert cli.json("optout", "import", cli.file(f"phone\n{PHONE}\n"), "--address", ADDRESS)["added"] == 1


def test_an_account_has_to_be_named_where_there_are_several(cli: Cli) -> None:
    cli("account", "create", "acme", "--id", "111111111111")
    file = cli.file(f"phone\n{PHONE}\n")
    refused = cli("optout", "import", file)
    assert (refused.exit_code, "say which one with --account" in refused.stderr) == (2, True)
    assert cli("optout", "import", file, "--account", "nobody").exit_code == 1
    assert cli.json("optout", "import", file, "--account", "acme")["added"] == 1
    assert cli("optout", "import", file, "--account", "acme", "--address", ADDRESS).exit_code == 1
    assert [row["account_id"] for row in cli.lines("optout", "list")] == ["111111111111"]
    assert cli.lines("optout", "list", "--account", "default") == []


# --- listing and exporting ---------------------------------------------------------------------------------------------------------


def test_an_export_can_be_imported_elsewhere_and_says_the_same(cli: Cli, tmp_path: Path) -> None:
    file = cli.file(f"phone,reason,since\n{PHONE},'=1+1,2025-01-01\n+12025550124,it's fine,2025-01-02\n")
    cli("optout", "import", file)
    out = tmp_path / "out.csv"
    assert cli("optout", "export", str(out)).stdout == f"{out}: 2 opt-outs\n"
    rows = list(csv.DictReader(io.StringIO(out.read_text())))
    assert [row["reason"] for row in rows] == ["'=1+1", "it's fine"]
    assert cli("optout", "export", str(out)).exit_code == 1
    assert cli("optout", "export", str(out), "--force", "--phone", PHONE).stdout == f"{out}: 1 opt-outs\n"
    cli("optout", "export", str(out), "--force")
    (tmp_path / "other").mkdir()
    other = Cli(tmp_path / "other")
    other.provision(APP)
    assert other.json("optout", "import", str(out))["added"] == 2
    assert other.lines("optout", "list") == cli.lines("optout", "list")
    assert [row["reason"] for row in other.lines("optout", "list")] == ["=1+1", "it's fine"]


def test_a_list_is_text_csv_or_json(cli: Cli) -> None:
    assert cli("optout", "list").stdout == "nobody is opted out\n"
    assert cli("optout", "list", "--csv").stdout.splitlines() == [",".join(optouts.COLUMNS)]
    cli.with_service("\x1b STOP")
    text = cli("optout", "list").stdout
    assert text.startswith(f"{PHONE}      {ADDRESS}      ")
    assert "\x1b" not in text
    (row,) = csv.DictReader(io.StringIO(cli("optout", "list", "--csv").stdout))
    assert row["phone"] == PHONE
    assert cli("optout", "export", "-").stdout == cli("optout", "list", "--csv").stdout
    assert cli.lines("optout", "export", "-")[0]["raw_text"] == "\x1b STOP"
    assert cli("optout", "list", "--csv", "--json").exit_code == 2


# --- provisioning --------------------------------------------------------------------------------------------------------------------


def test_inbound_addresses_are_provisioned_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    dry = cli.provision(PROVISION, "--dry-run", "--json")
    wanted = [
        f"sms application {ACCOUNT}/1400006666: add sender={ADDRESS}",
        (
            f"inbound address {ACCOUNT}/{ADDRESS}: add kind=toll-free description='US toll-free' "
            "opt-out=STOP,UNSUBSCRIBE,QUIT opt-in=START,SUBSCRIBE"
        ),
        f"blocking rule {ACCOUNT}/{ADDRESS}/1400006666: add types=marketing,notification",
    ]
    assert json.loads(dry.stdout)["changes"][1:] == wanted
    assert cli.changes(PROVISION)[1:] == wanted
    assert cli.changes(PROVISION) == []


def test_only_what_the_file_names_is_changed(cli: Cli) -> None:
    start = f'{APP}[[account.inbound_address]]\naddress = "{ADDRESS}"\n'
    named = f"inbound address {ACCOUNT}/{ADDRESS}: change"
    assert cli.changes(start) == []
    assert cli.changes(start + 'opt_out_keywords = ["BASTA"]') == [f"{named} opt-out=BASTA"]
    assert cli.changes(start + 'help_reply = "Call us."\nkind = "10dlc"') == [f"{named} kind=10dlc help-reply"]
    assert cli.changes(start + 'help_reply = ""') == [f"{named} help-reply"]
    assert cli.changes(start + 'help_reply = ""') == []
    assert cli.changes(start + 'rules = { topics = ["marketing"], "1400006666" = ["marketing"] }') == [
        f"blocking rule {ACCOUNT}/{ADDRESS}/topics: add types=marketing",
        f"blocking rule {ACCOUNT}/{ADDRESS}/1400006666: change types=marketing",
    ]
    assert cli.changes(f'{APP}[[account.sms_application]]\nsdk_app_id = "1400006666"\n') == []


def test_nobody_is_opted_in_by_provisioning(cli: Cli) -> None:
    cli.with_service("STOP", delete=True)
    assert cli.lines("optout", "list") == []
    changes = cli.changes(PROVISION)
    assert changes[0] == f"inbound address {ACCOUNT}/{ADDRESS}: restore (was deleted)"
    assert [row["phone"] for row in cli.lines("optout", "list")] == [PHONE]
    assert [entry["event"] for entry in cli.lines("ledger")] == ["opted-out", "deleted", "restored"]
    assert cli.changes(PROVISION) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[[account.sms_application]]\nsender='+1'", "account 1, sms_application: sdk_app_id is missing"),
        ("[[account.sms_application]]\nsdk_app_id='a b'", "sdk_app_id: 1 to 64 letters"),
        ("[[account.sms_application]]\nsdk_app_id='1'\nname='x'", "sms_application: unknown key name"),
        ("[[account.inbound_address]]\ndescription='x'", "account 1, inbound_address: address is missing"),
        ("[[account.inbound_address]]\naddress='+1'", "'+1' is neither E.164 nor the digits of a short code"),
        ("[[account.inbound_address]]\naddress='12345'", "the short code 12345 belongs to a country"),
        ("[[account.inbound_address]]\naddress='12345'\ncountry='usa'", "inbound_address.country: two capital letters"),
        (f"[[account.inbound_address]]\naddress='{ADDRESS}'\nkind='short-code'", "is not a short-code"),
        (f"[[account.inbound_address]]\naddress='{ADDRESS}'\nkind='account'", "kind must be one of 10dlc, toll-free"),
        (f"[[account.inbound_address]]\naddress='{ADDRESS}'\nkeywords=['x']", "unknown key keywords"),
        (f"[[account.inbound_address]]\naddress='{ADDRESS}'\nopt_out_keywords='STOP'", "must be a list of texts"),
        (
            f"[[account.inbound_address]]\naddress='{ADDRESS}'\nopt_out_keywords=['Yes']\nopt_in_keywords=['YES!']",
            f"inbound_address {ADDRESS}: 'Yes' (opt-out) and 'YES!' (opt-in) are the same keyword",
        ),
        (f"[[account.inbound_address]]\naddress='{ADDRESS}'\nrules=['x']", "rules must be a table of applications"),
        (f"[[account.inbound_address]]\naddress='{ADDRESS}'\nrules={{a=[]}}", "rules: a takes a list of marketing"),
        (
            f"[[account.inbound_address]]\naddress='{ADDRESS}'\nrules={{a=['spam']}}",
            "rules: a takes a list of marketing",
        ),
        (
            f"[[account.inbound_address]]\naddress='{ADDRESS}'\nrules={{a=['marketing']}}",
            "inbound_address.rules: no SMS application a in this account",
        ),
        (f"[[account.inbound_address]]\naddress='{ADDRESS}'\n" * 2, f"inbound_address {ADDRESS} is named twice"),
        (f"[[account.inbound_address]]\naddress='{ADDRESS}'\nhelp_reply='a\\u0007'", "control characters"),
        ("[[account.sms_application]]\nsdk_app_id='1'\nstatus_url='x'", "status_url: an http or https URL"),
        ("[[account.sms_application]]\nsdk_app_id='1'\ncallback_secret='x'", "callback_secret: 8 to 200 characters"),
        ("[[account.sms_application]]\nsdk_app_id='1'\nsender='a sender that is far too long'", "sender: a number, or"),
        ("[[account.sms_sign]]\ncontent='【x】'", "sms_sign '【x】': not empty, without brackets"),
        ("[[account.sms_sign]]\ncontent='x'\ninternational=1", "sms_sign: international must be true or false"),
        ("[[account.sms_sign]]\ncontent='x'\n" * 2, "sms_sign x is named twice"),
        ("[[account.sms_template]]\nid='1'", "sms_template: id must be a number"),
        ("[[account.sms_template]]\nid=1\ntype='spam'", "sms_template 1: type must be one of marketing, notification"),
        ("[[account.sms_template]]\nid=1\ntype='marketing'\nname='x'", "sms_template 1: content is missing"),
        (_TEMPLATE.format(0, "x"), "sms_template.id: 1 to 2147483647"),
        (_TEMPLATE.format(1, "{{2}}").replace("{{2}}", "{2}"), "sms_template 1, content: places are numbered"),
        (_TEMPLATE.format(1, "x") * 2, "sms_template 1 is named twice"),
    ],
)
def test_a_mistake_about_texts_is_one_clear_line(tmp_path: Path, text: str, line: str) -> None:
    cli = Cli(tmp_path)
    assert cli("account", "create", "other").exit_code == 0
    result = cli.provision(APP + text.replace("'a\\u0007'", '"a\\u0007"'))
    assert result.exit_code == 2
    assert line in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert cli.lines("optout", "list") == []


def test_an_address_of_another_account_is_a_collision(cli: Cli) -> None:
    other = f"\n[[account]]\nname='x'\naccount_id='111111111111'\n[[account.inbound_address]]\naddress='{ADDRESS}'\n"
    result = cli.provision(other)
    assert (result.exit_code, result.stderr) == (2, f"tidings: inbound_address: {ADDRESS} belongs to another account\n")
    result = cli.provision(PROVISION + other)
    assert f"inbound_address {ADDRESS} is named twice" in result.stderr


TEXTS = f"""{APP}
[[account.sms_application]]
sdk_app_id = "1400006666"
status_url = "https://hooks.example.com/status"
callback_secret = "correct horse"

[[account.sms_sign]]
content = "Tidings"

[[account.sms_sign]]
content = "易美"
international = false

[[account.sms_template]]
id = 1101
name = "spring"
content = "Dear {{1}}, sale ends tonight."
type = "marketing"
international = true

[[account.sms_template]]
id = 1102
name = "code"
content = "{{1}} is your code."
type = "verification_code"
"""


def test_what_texts_are_made_of_is_provisioned_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    wanted = [
        f"sms application {ACCOUNT}/1400006666: add sender= status_url=https://hooks.example.com/status callback_secret=***",
        f"sms sign {ACCOUNT}/Tidings: add for=all",
        f"sms sign {ACCOUNT}/易美: add for=mainland",
        f"sms template {ACCOUNT}/1101: add name='spring' type=marketing for=global",
        f"sms template {ACCOUNT}/1102: add name='code' type=verification_code for=all",
    ]
    assert json.loads(cli.provision(TEXTS, "--dry-run", "--json").stdout)["changes"][1:] == wanted
    assert cli.changes(TEXTS)[1:] == wanted
    assert cli.changes(TEXTS) == []


def test_only_what_a_file_says_otherwise_of_texts_is_changed(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    cli.changes(TEXTS)
    for before, after, told in (
        ("correct horse", "battery staple", "sms application {}/1400006666: change callback_secret=***"),
        ("/status", "/told", "sms application {}/1400006666: change status_url=https://hooks.example.com/told"),
        ("https://hooks.example.com/told", "", "sms application {}/1400006666: change status_url="),
        ("ends tonight", "ends", "sms template {}/1101: change content"),
        ('"marketing"', '"notification"', "sms template {}/1101: change type=notification"),
        ("international = true", "international = false", "sms template {}/1101: change for=mainland"),
        ('"code"', '"login"', "sms template {}/1102: change name='login'"),
        ('"Tidings"', '"Tidings"\ninternational = true', "sms sign {}/Tidings: change for=global"),
    ):
        changed = (cli.folder / "p.toml").read_text().replace(before, after)
        assert cli.changes(changed) == [told.format(ACCOUNT)]
        assert cli.changes(changed) == []
    assert cli.changes(APP) == []


# --- reading lines ---------------------------------------------------------------------------------------------------------------------


def test_times_are_utc_unless_they_say_otherwise(tmp_path: Path) -> None:
    file = tmp_path / "l.csv"
    file.write_text("since,phone\n2025-01-01,a\n2025-01-01T01:00:00+01:00,a\n2025-01-01T00:00:00Z,a\n,a\n")
    lines = list(optout_lines.lines_of(file, None, lambda line: None, read=lambda count: None))
    midnight = datetime(2025, 1, 1, tzinfo=UTC)
    assert [line.since for line in lines if not isinstance(line, optout_lines.BadLine)] == [midnight] * 3 + [None]
