"""Settings: precedence, origins, masks, and the one line that stops a start."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidings.cli.settings_page import effective, page
from tidings.settings import ABOUT, MASK, Listen, Settings, SettingsError, environment_name, load, shown

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"

# name -> two values that differ from each other and from the default, as an environment variable would hold them
PAIRS = {
    "listen": ("10.0.0.1:80", "[::1]:8443"),
    "public_url": ("https://one.example", "https://two.example/base"),
    "data": ("one", "two"),
    "region": ("eu-west-1", "cn-north-4"),
    "confirm_ttl_s": ("3600", "7200"),
    "dev": ("on", "off"),
    "anonymous_unsubscribe": ("no", "yes"),
    "egress_allow": ("10.0.0.0/8", "192.168.0.0/16,fd00::/8"),
    "log_level": ("debug", "error"),
    "mail_from": ("News <news@example.com>", "news@example.org"),
}
NAMES = st.sampled_from(sorted(PAIRS))
SOURCES = st.sets(st.sampled_from(["option", "environment", "file"]))


@given(name=NAMES, sources=SOURCES)
def test_an_option_wins_over_the_environment_over_the_file_over_the_default(
    tmp_path_factory: pytest.TempPathFactory, name: str, sources: set[str]
) -> None:
    one, other = PAIRS[name]
    order = [source for source in ("option", "environment", "file") if source in sources]
    values = {source: (one if index == 0 else other) for index, source in enumerate(order)}
    config = tmp_path_factory.mktemp("settings") / "tidings.toml"
    config.write_text(f'{name} = "{values["file"]}"\n' if "file" in values else "")
    options = {"config": str(config)} | ({name: values["option"]} if "option" in values else {})
    environment = {environment_name(name): values["environment"]} if "environment" in values else {}

    settings = load(options, environment)

    expected = ABOUT[name].parse(one) if order else getattr(Settings(), name)
    assert getattr(settings, name) == expected
    assert settings.origin(name).split()[0] == (order[0] if order else "default")


@given(name=st.sampled_from(sorted(ABOUT)), text=st.text(max_size=60))
@example(name="config", text="\n")
@example(name="config", text="~nobody-of-this-name/x")
@example(name="data", text="~nobody-of-this-name")
def test_any_text_gives_a_value_or_one_line(name: str, text: str) -> None:
    try:
        load({}, {environment_name(name): text})
    except SettingsError as error:
        line = str(error)
        assert "\n" not in line
        assert "\r" not in line
        assert len(line) < 1000
        if ABOUT[name].secret and len(text) > 12:
            assert text not in line


def test_typed_values_of_the_file_are_understood(tmp_path: Path) -> None:
    file = tmp_path / "tidings.toml"
    file.write_text('dev = true\nconfirm_ttl_s = 600\negress_allow = ["10.0.0.0/8", "fd00::/8"]\n')
    settings = load({"config": str(file)}, {})
    assert settings.dev is True
    assert settings.confirm_ttl_s == 600
    assert settings.egress_allow == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    assert settings.origin("dev") == f"file {file}"


def test_the_file_may_be_named_in_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "tidings.toml"
    file.write_text('region = "eu-central-1"\n')
    assert load({}, {"TIDINGS_CONFIG": str(file)}).region == "eu-central-1"


def test_an_empty_environment_variable_counts_as_not_given() -> None:
    assert load({}, {"TIDINGS_SMTP_URL": "", "TIDINGS_REGION": ""}) == Settings()


def test_variables_of_other_programs_are_none_of_our_business() -> None:
    assert load({}, {"PATH": "/bin", "AWS_REGION": "x", "tidings_region": "no"}).region == "us-east-1"


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"TIDINGS_REGOIN": "x"}, "unknown setting TIDINGS_REGOIN in the environment; did you mean TIDINGS_REGION?"),
        (
            {"TIDINGS_listen": "127.0.0.1:1"},
            "unknown setting TIDINGS_listen in the environment; did you mean TIDINGS_LISTEN?",
        ),
        (
            {"TIDINGS_LISTEN": "8010"},
            "listen (environment TIDINGS_LISTEN) must be HOST:PORT or [IPV6]:PORT, not '8010'",
        ),
        (
            {"TIDINGS_CONFIRM_TTL_S": "2d"},
            "confirm_ttl_s (environment TIDINGS_CONFIRM_TTL_S) must be a whole number from 60 to 31536000, not '2d'",
        ),
        (
            {"TIDINGS_STORE": "postgresql://u:secret@h/d"},
            "store (environment TIDINGS_STORE) PostgreSQL is not offered by this version yet; use sqlite",
        ),
        (
            {"TIDINGS_FLOW": "nats://localhost"},
            "flow (environment TIDINGS_FLOW) other than the store is not offered by this version yet",
        ),
        ({"TIDINGS_WORKERS": "2"}, "workers (environment TIDINGS_WORKERS) above 1 is not offered by this version yet"),
        ({"TIDINGS_ROLE": "api"}, "role (environment TIDINGS_ROLE) other than all is not offered by this version yet"),
        (
            {"TIDINGS_SMPP_URL": "smppx://id:secret@h:2775"},
            (
                "smpp_url (environment TIDINGS_SMPP_URL) must be smpp://system_id:password@host[:port][?source=+1…]"
                " or smpps://…, several comma-separated"
            ),
        ),
        (
            {"TIDINGS_SMS_WEBHOOK_URL": "ftp://h/?key=secret@"},
            (
                "sms_webhook_url (environment TIDINGS_SMS_WEBHOOK_URL) must be http://host[:port]/path, https://…,"
                " kannel+http://user:password@host:port/path or kannel+https://…"
            ),
        ),
        (
            {"TIDINGS_MAIL_LISTEN": "127.0.0.1:25"},
            "mail_listen (environment TIDINGS_MAIL_LISTEN) is not offered by this version yet",
        ),
        ({"TIDINGS_ACCESS_KEY_ID": "abcd"}, "access_key_id and secret_access_key must be given together"),
        ({"TIDINGS_SQS_ACCESS_KEY_ID": "abcd"}, "sqs_access_key_id and sqs_secret_access_key must be given together"),
        ({"TIDINGS_TLS_CERT": "/no/such"}, "tls_cert and tls_key must be given together"),
        (
            {"TIDINGS_PROVISION": "/no/such"},
            "provision (environment TIDINGS_PROVISION): there is no file /no/such",
        ),
        ({"TIDINGS_CONFIG": "/no/such"}, "cannot read the settings file /no/such: No such file or directory"),
    ],
)
def test_what_is_unknown_malformed_or_comes_later_stops_the_start(environment: dict[str, str], line: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({}, environment)
    assert str(caught.value) == line


def test_the_bounds_that_are_told_are_taken() -> None:
    for name, (least, most) in {"clock_skew_s": (1, 86_400), "confirm_ttl_s": (60, 31_536_000)}.items():
        for value in (least, most):
            assert getattr(load({}, {environment_name(name): str(value)}), name) == value
        for value in (least - 1, most + 1):
            with pytest.raises(SettingsError, match=f"must be a whole number from {least} to {most}"):
                load({}, {environment_name(name): str(value)})


@pytest.mark.parametrize("url", ["https://news.example:99999", "https://news.example:http", "http://[::1"])
def test_a_public_url_that_leads_nowhere_stops_the_start(url: str) -> None:
    with pytest.raises(SettingsError, match="TIDINGS_PUBLIC_URL"):
        load({}, {"TIDINGS_PUBLIC_URL": url})


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("regoin = 'x'", "unknown setting 'regoin' in {file}; did you mean region?"),
        ("config = 'x'", "unknown setting 'config' in {file}"),
        (
            "[listen]\nhost = 'x'",
            "listen (file {file}) must be text, a whole number, true or false, or a list of texts",
        ),
        (
            "clock_skew_s = 1.5",
            "clock_skew_s (file {file}) must be text, a whole number, true or false, or a list of texts",
        ),
        ("dev = 2", "dev (file {file}) must be on or off (true/false, yes/no, 1/0), not '2'"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_place(tmp_path: Path, text: str, line: str) -> None:
    file = tmp_path / "tidings.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load({"config": str(file)}, {})
    assert str(caught.value) == line.format(file=file)


def test_a_file_that_is_not_toml_is_told_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "tidings.toml"
    file.write_bytes(b"a = \n\xff")
    with pytest.raises(SettingsError, match="is not TOML") as caught:
        load({"config": str(file)}, {})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "smtp://u:topsecret@h:99999",
        "smtp://u:topsec/ret@h",
        "smtp://u:topsecret@h?tls=1",
        "http://u:topsecret@h",
        "smtp://u:topsecret@",
    ],
)
def test_a_malformed_relay_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({}, {"TIDINGS_SMTP_URL": url})
    assert "topsec" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("smtp://mail.example", "mail.example", 25),
        ("smtp://u:p%40ss@mail.example?starttls=required", "mail.example", 587),
        ("smtps://u:pass@[::1]", "::1", 465),
        ("smtp://127.0.0.1:1025?starttls=no", "127.0.0.1", 1025),
    ],
)
def test_a_relay_url_is_read_and_shown_without_its_password(url: str, host: str, port: int) -> None:
    settings = load({}, {"TIDINGS_SMTP_URL": url})
    assert settings.smtp_url is not None
    assert (settings.smtp_url.url, settings.smtp_url.host, settings.smtp_url.port) == (url, host, port)
    assert "pass" not in shown(settings, "smtp_url")
    assert "p%40ss" not in shown(settings, "smtp_url")


def test_several_sms_centers_are_told_apart_and_shown_without_passwords() -> None:
    urls = "smpp://one:secret@a:2775?source=+12025550100&optout_codes=0x40b,0x40c, smpp://two:secret@b"
    settings = load({}, {"TIDINGS_SMPP_URL": urls})
    assert settings.smpp_url is not None
    assert settings.smpp_url.urls == (
        "smpp://one:secret@a:2775?source=+12025550100&optout_codes=0x40b,0x40c",
        "smpp://two:secret@b",
    )
    assert "secret" not in shown(settings, "smpp_url")
    assert "one:********@a:2775" in shown(settings, "smpp_url")


def test_a_password_of_an_sms_center_is_masked_whatever_is_in_it() -> None:
    settings = load({}, {"TIDINGS_SMPP_URL": "smpp://one:se:cr@et@a:2775,smpps://two:s:ecret@b"})
    assert shown(settings, "smpp_url") == "smpp://one:********@a:2775,smpps://two:********@b"


def test_a_gateways_url_is_shown_without_its_keys() -> None:
    for url in (
        "https://h/send?key=secret",
        "https://secret@h/send",
        "kannel+http://u:secret@h:13013/cgi-bin/sendsms?from=1",
    ):
        assert "secret" not in shown(load({}, {"TIDINGS_SMS_WEBHOOK_URL": url}), "sms_webhook_url")


def test_secrets_are_masked_in_the_effective_settings() -> None:
    secrets = {
        "TIDINGS_ACCESS_KEY_ID": "visible",
        "TIDINGS_SECRET_ACCESS_KEY": "hidden-secret",
        "TIDINGS_PASSWORD": "hidden-password",
        "TIDINGS_SECRET_KEY": "hidden-" * 6,
        "TIDINGS_SMTP_URL": "smtp://user:hidden@mail.example",
    }
    rows = effective(load({}, secrets))
    text = "\n".join(" ".join(row) for row in rows)
    assert "hidden" not in text
    assert "visible" in text
    assert ("password", MASK, "environment TIDINGS_PASSWORD") in rows


def test_listen_is_shown_as_it_is_written() -> None:
    assert str(Listen("::1", 80)) == "[::1]:80"
    assert load({"listen": "[::1]:80"}, {}).listen == Listen("::1", 80)


def test_the_database_is_in_the_data_directory_unless_said_otherwise() -> None:
    assert load({"data": "/var/lib/x"}, {}).store_path == Path("/var/lib/x/tidings.db")
    assert load({"store": "sqlite:////srv/t.db"}, {}).store_path == Path("/srv/t.db")


def test_every_setting_has_a_reason() -> None:
    assert all(about.reason.endswith((".", ").")) for about in ABOUT.values())


def test_the_reference_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: python -m tidings.cli.settings_page docs/reference/settings.md"


@pytest.mark.parametrize("text", ["Acme, Inc. <a@b.example>", "Ops: alerts <a@b.example>", "Zürich <a@bücher.example>"])
def test_a_sender_that_mails_can_have_is_taken_as_it_is_written(text: str) -> None:
    assert load({}, {"TIDINGS_MAIL_FROM": text}).mail_from == text


@pytest.mark.parametrize(
    "text", ["A <a@b.example>, c@d.example", "Ops: a@b.example;", "ü@b.example", "nobody", "x" * 65 + "@b.example"]
)
def test_a_sender_that_no_mail_can_have_stops_the_start_with_one_line(text: str) -> None:
    with pytest.raises(SettingsError, match=r"TIDINGS_MAIL_FROM.* must ") as refused:
        load({}, {"TIDINGS_MAIL_FROM": text})
    assert "\n" not in str(refused.value)
