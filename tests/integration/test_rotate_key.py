"""A new secret key: links that were sent and everything that is stored sealed keep working, and old keys can be forgotten."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import apsw
import pytest
from tests.support.receiver import Receiver
from tests.support.server import Server
from typer.testing import CliRunner

from tidings.cli.main import app
from tidings.domain.tokens import LinkPurpose, read_link, sign_link
from tidings.store.vault import KEY_FILE, FileVault

OLD, NEW = "o" * 40, "n" * 40


def rotate(data: Path, *options: str, environment: dict[str, str] | None = None) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["rotate-key", "--data", str(data), *options], env=environment or {})
    return done.exit_code, done.output


def post(url: str) -> int:
    try:
        with urlopen(Request(url, b"List-Unsubscribe=One-Click", method="POST")) as answer:
            return int(answer.status)
    except HTTPError as error:
        error.close()
        return error.code


def cancel_link(server: Server) -> str:
    """From the newest notification in the outbox."""
    while not (found := [it for it in server.api("dev/outbox?channel=email")["items"] if it["kind"] == "notification"]):
        pass  # it is on its way; nothing tells when
    (link,) = re.findall(r"<(http[^>]*/s/c/[^>]*)>", found[-1]["headers"]["List-Unsubscribe"])
    return str(link)


def subscribe(server: Server, name: str) -> str:
    """A mail subscription, confirmed and notified once; its cancel link."""
    sns = server.sns()
    topic = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=f"{name}@example.com")
    while not (mails := server.api(f"dev/outbox?to={name}@example.com")["items"]):
        pass
    post(next(link for link in mails[0]["links"] if "/s/y/" in link))
    sns.publish(TopicArn=topic, Message="news")
    return cancel_link(server)


def test_links_and_secrets_outlive_a_new_key_and_links_die_with_the_old_one(tmp_path: Path, receiver: Receiver) -> None:
    server = Server(tmp_path).start()
    first, second = subscribe(server, "first"), subscribe(server, "second")
    sns = server.sns()
    topic = sns.create_topic(Name="hooks")["TopicArn"]
    endpoint = receiver.url.replace("//", "//user:pass-word@") + "/hook"
    arn = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint, ReturnSubscriptionArn=True)[
        "SubscriptionArn"
    ]
    assert server.stop() == 0
    data = tmp_path / "state"
    before = (data / KEY_FILE).read_text().split()
    code, told = rotate(data)
    assert code == 0, told
    keys = (data / KEY_FILE).read_text().split()
    assert keys[1:] == before
    assert (data / KEY_FILE).stat().st_mode & 0o077 == 0
    server.start()  # the access keys that boto3 and the API sign with were sealed anew
    assert post(first) == 200
    third = subscribe(server, "third")
    again = server.sns().subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint, ReturnSubscriptionArn=True)
    assert again["SubscriptionArn"] == arn
    assert server.stop() == 0
    code, told = rotate(data, "--forget", "--json")
    assert (code, json.loads(told)["keys_forgotten"]) == (0, 1)
    assert (data / KEY_FILE).read_text().split() == keys[:1]
    server.start()
    assert post(second) in (404, 410)
    assert post(third) == 200
    again = server.sns().subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint, ReturnSubscriptionArn=True)
    assert again["SubscriptionArn"] == arn
    assert server.stop() == 0


def test_keys_of_the_settings_are_changed_by_naming_the_one_before(tmp_path: Path) -> None:
    server = Server(tmp_path, environment={"TIDINGS_SECRET_KEY": OLD}).start()
    link = subscribe(server, "first")
    server.stop()
    both = {"TIDINGS_SECRET_KEY": NEW, "TIDINGS_SECRET_KEY_PREVIOUS": OLD}
    code, told = rotate(tmp_path / "state", environment=both)
    assert code == 0, told
    assert not (tmp_path / "state" / KEY_FILE).exists()
    server.environment = both
    server.start()
    assert post(link) == 200
    server.stop()
    server.environment = {"TIDINGS_SECRET_KEY": NEW}
    server.start()
    server.sns().list_topics()
    server.stop()


def test_nothing_changes_while_a_server_runs_or_a_key_is_missing(tmp_path: Path) -> None:
    server = Server(tmp_path).start()
    data = tmp_path / "state"
    key = (data / KEY_FILE).read_text()
    code, told = rotate(data)
    assert code == 1
    assert "stop it first" in told
    assert (data / KEY_FILE).read_text() == key
    server.stop()
    (data / KEY_FILE).write_text("0" * 64 + "\n")
    sealed = secrets_of(data)
    code, told = rotate(data)
    assert code == 1
    assert "nothing was changed" in told
    assert secrets_of(data) == sealed
    assert rotate(tmp_path / "nowhere")[0] == 1


def secrets_of(data: Path) -> list[object]:
    connection = apsw.Connection(str(data / "tidings.db"))
    try:
        return connection.execute("SELECT sealed_secret FROM access_key").fetchall()
    finally:
        connection.close()


def test_a_vault_seals_with_its_newest_key_and_opens_with_each() -> None:
    old, both = FileVault(OLD.encode()), FileVault(NEW.encode(), [OLD.encode()])
    assert both.open(old.seal(b"x")) == b"x"
    with pytest.raises(ValueError, match="not sealed"):
        old.open(both.seal(b"x"))
    assert both.derive("links") == FileVault(NEW.encode()).derive("links")
    assert both.derive_all("links")[-1] == old.derive("links")


def test_links_are_signed_with_the_newest_key_and_read_with_each() -> None:
    uid, old, new = "0" * 32, b"o" * 32, b"n" * 32
    assert read_link((new, old), LinkPurpose.CANCEL, sign_link(old, LinkPurpose.CANCEL, uid)) == uid
    assert sign_link((new, old), LinkPurpose.CANCEL, uid) == sign_link(new, LinkPurpose.CANCEL, uid)
