"""The table of all settings, each declared once: a field of `Settings` with its parser, unit, default and reason.

`tidings config` and the reference page are made from the same fields. Loading is in the package's `__init__`.
"""
# A setting's declaration is a call of `_setting`, which returns a dataclass field.
# ruff: noqa: RUF009

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tidings.settings import values
from tidings.settings.values import Listen, Network, SecretUrls
from tidings.wire.smtp_url import SmtpUrl, read_smtp_url

DEFAULT = "default"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a setting besides its value. `option` is empty where there is no command-line option."""

    parse: Callable[[str], Any]
    unit: str
    reason: str
    option: str = ""
    secret: bool = False
    shown_default: str = ""


def _setting(
    default: T,
    parse: Callable[[str], Any],
    reason: str,
    *,
    unit: str = "",
    option: str = "",
    secret: bool = False,
    shown_default: str = "",
) -> T:
    about = About(parse, unit, reason, option, secret, shown_default)
    return dataclasses.field(default=default, metadata={"about": about})


_TWO_DAYS_S = 172_800


@dataclass(frozen=True, slots=True)
class Settings:
    """What the server is built from. None means: not given, and the reason says what happens then."""

    listen: Listen = _setting(
        Listen("127.0.0.1", 8010),
        values.listen,
        "The one HTTP port that all dialects, pages and metrics share. Loopback until somebody decides otherwise; port 0 takes a free one.",
        option="--listen",
    )
    public_url: str | None = _setting(
        None,
        values.web_url,
        "Base of every link and certificate URL that leaves this server. Set it as soon as anything outside this machine is subscribed.",
        option="--public-url",
        shown_default="http://LISTEN, or https:// with TIDINGS_TLS_CERT",
    )
    security_contact: str | None = _setting(
        None,
        values.matching(r"(?:mailto:|https://|tel:)[!-~]{1,300}", "must be mailto:…, https://… or tel:…"),
        "Whom somebody tells who found a weakness: stands in /.well-known/security.txt.",
        shown_default="mailto:security@ the host of the public URL (RFC 2142)",
    )
    data: Path = _setting(
        Path("tidings-data"),
        values.path,
        "Directory of the embedded database, the signing key and certificate, the secret key and the outbox.",
        option="--data",
    )
    store: str = _setting(
        "sqlite",
        values.store,
        "Where the registry and the ledger are kept: `sqlite` (tidings.db inside the data directory) or `sqlite:///PATH`.",
        option="--store",
    )
    flow: str | None = _setting(
        None,
        values.text,
        "Where accepted messages wait for delivery. Only the store itself in this version.",
        option="--flow",
        shown_default="same as the store",
    )
    role: str = _setting(
        "all",
        values.choice("all", "api", "delivery"),
        "What this process does. Only `all` in this version.",
        option="--role",
    )
    workers: int = _setting(
        1,
        values.whole(1, 1024),
        "Processes on this machine. Only 1 in this version: one event loop accepts and delivers.",
        unit="processes",
        option="--workers",
    )
    dev: bool = _setting(
        False,
        values.switch,
        "Developer mode: mail goes to the built-in outbox unless a relay is set, loopback endpoints are allowed, "
        "credentials are known to everybody. Never on a public address.",
        option="--dev",
    )
    dev_public: bool = _setting(
        False,
        values.switch,
        "Developer mode may be reached by others: it may listen on another address than this machine's own, and takes the public URL's "
        "host for its tools and console. For containers and networks of your own.",
        option="--dev-public",
    )
    config: Path | None = _setting(None, values.path, "TOML file with any of these settings.", option="--config")
    provision: Path | None = _setting(
        None, values.path, "TOML file of accounts, users and keys, applied at every start.", option="--provision"
    )
    region: str = _setting(
        "us-east-1",
        values.matching(r"[a-z0-9][a-z0-9-]{0,62}", "lower-case letters, digits and -"),
        "Region of what no signature scope names (unsigned calls, the console's default).",
    )
    account_id: str | None = _setting(
        None,
        values.matching(r"[0-9]{12}", "12 digits"),
        "First account, made at the first start.",
        shown_default="random, kept; 000000000000 in developer mode",
    )
    project_id: str | None = _setting(
        None,
        values.matching(r"[0-9a-f]{32}", "32 lower-case hex digits"),
        "The first account's project.",
        shown_default="random, kept; 0123456789abcdef0123456789abcdef in developer mode",
    )
    access_key_id: str | None = _setting(
        None,
        values.matching(r"[A-Za-z0-9_]{4,128}", "4 to 128 letters, digits and _"),
        "First access key; together with the secret.",
        shown_default="random, printed once; `tidings` in developer mode",
    )
    secret_access_key: str | None = _setting(
        None,
        values.matching(r"[!-~]{8,256}", "8 to 256 printable characters without blanks"),
        "Secret of the first access key.",
        secret=True,
        shown_default="random, printed once; `tidings-dev-secret` in developer mode",
    )
    username: str = _setting(
        "admin",
        values.matching(r"[A-Za-z0-9][A-Za-z0-9_.@+=,-]{0,63}", "1 to 64 letters, digits and _.@+=,-"),
        "First user, made at the first start.",
    )
    password: str | None = _setting(
        None, values.text, "The first user's password.", secret=True, shown_default="random, printed once"
    )
    smtp_url: SmtpUrl | None = _setting(
        None,
        read_smtp_url,
        "The relay that takes outgoing mail: `smtp://user:pass@host:port?starttls=required|optional|no` or `smtps://…`.",
        secret=True,
        shown_default="none: mail goes to the outbox in developer mode, else it cannot be sent",
    )
    mail_from: str = _setting("Tidings <no-reply@localhost>", values.mailbox, "Sender of outgoing mail.")
    language: str = _setting(
        "en",
        values.choice("en", "zh-CN"),
        "Language of the words that we add to mails and texts where the message names none (SMN's locale). Pages follow the reader's "
        "own browser.",
    )
    mail_listen: str | None = _setting(
        None, values.not_yet, "Inbound SMTP listener for bounces. Not offered by this version yet."
    )
    smpp_url: SecretUrls | None = _setting(
        None,
        values.smpp_urls,
        "SMS centers that texts go out through and come in from: `smpp://system_id:password@host:port?source=+1…`; the how-to on sending "
        "texts has the options.",
        unit="URLs, comma-separated",
        secret=True,
        shown_default="none: texts go to the outbox in developer mode, else they cannot be sent",
    )
    sms_webhook_url: SecretUrls | None = _setting(
        None,
        values.gateway_url,
        "The HTTP gateway for outgoing texts where there is no SMPP: `kannel+http://user:password@host:port/cgi-bin/sendsms?from=…`, or "
        "`https://…` for our own form.",
        secret=True,
    )
    sms_gateway_secret: str | None = _setting(
        None,
        values.matching(r"[A-Za-z0-9_.~-]{16,128}", "16 to 128 letters, digits and _.~-"),
        "What Kannel and our own form of gateway prove themselves with at `/gateways/…`, and what we sign outgoing texts with. Without it "
        "those paths are closed.",
        secret=True,
    )
    twilio_auth_token: str | None = _setting(
        None,
        values.matching(r"[!-~]{8,128}", "8 to 128 printable characters without blanks"),
        "With which a Twilio-style gateway signs what it brings to `/gateways/twilio/…`. Without it those paths are closed.",
        secret=True,
    )
    sms_per_30s: int = _setting(
        0, values.whole(0, 10**6), "Texts per application and number in 30 seconds. 0: no limit.", unit="texts"
    )
    sms_per_hour: int = _setting(
        0, values.whole(0, 10**6), "Texts per application and number in an hour. 0: no limit.", unit="texts"
    )
    sms_per_day: int = _setting(
        0, values.whole(0, 10**6), "Texts per application and number in a day. 0: no limit.", unit="texts"
    )
    sms_same_per_day: int = _setting(
        0,
        values.whole(0, 10**6),
        "Texts of the same content per application and number in a day. 0: no limit.",
        unit="texts",
    )
    sms_per_account_day: int = _setting(
        100_000,
        values.whole(0, 10**9),
        "Texts of one account from midnight UTC on, whichever way they are asked for: what a stolen key can cost. 0: no limit.",
        unit="texts",
    )
    sms_countries: tuple[str, ...] = _setting(
        (),
        values.countries,
        "The only countries that are texted, whichever API asks. Where countries share a calling code, the number says which "
        "one it is.",
        unit="ISO 3166 codes, comma-separated",
        shown_default="all",
    )
    sms_special_numbers: bool = _setting(
        False,
        values.switch,
        "Whether premium-rate and shared-cost numbers, satellites and numbers of no country are texted: they cost much, and fraud lives on "
        "them.",
    )
    sms_review: bool = _setting(
        False,
        values.switch,
        "Whether new signs and templates wait until an operator approves them. Off: they are usable at once.",
    )
    sms_revoke_all: bool = _setting(
        False,
        values.switch,
        "Whether a STOP at one inbound address counts for all of an account, as 47 CFR 64.1200(a)(10) is to demand from 31 January 2027. "
        "Off: at that address.",
    )
    sqs_endpoint: str | None = _setting(
        None,
        values.web_url,
        "The SQS-compatible service that `sqs` subscriptions and dead-letter queues are sent to.",
        shown_default="AWS's own by region",
    )
    sqs_access_key_id: str | None = _setting(None, values.text, "Key that signs calls to the queue service.")
    sqs_secret_access_key: str | None = _setting(None, values.text, "Its secret.", secret=True)
    egress_allow: tuple[Network, ...] = _setting(
        (),
        values.networks,
        "Networks that outgoing requests may reach besides public addresses. Empty, so that nobody's subscription reads "
        "an internal service.",
        unit="CIDR, comma-separated",
    )
    tls_cert: Path | None = _setting(None, values.path, "PEM file with the certificate chain; without it plain HTTP.")
    tls_key: Path | None = _setting(None, values.path, "PEM file with the certificate's private key.")
    trusted_proxies: tuple[Network, ...] = _setting(
        (),
        values.networks,
        "Networks whose X-Forwarded-For, -Proto and -Host are believed; the ledger records the address that results.",
        unit="CIDR, comma-separated",
    )
    confirm_ttl_s: int = _setting(
        _TWO_DAYS_S,
        values.whole(60, 31_536_000),
        "Life of confirmation and come-back links: what the clouds document.",
        unit="seconds",
    )
    clock_skew_s: int = _setting(
        900, values.whole(1, 86_400), "How far a signature's time may be from ours: what AWS allows.", unit="seconds"
    )
    clock_jump_max_s: int = _setting(
        86_400,
        values.whole(60, 4_000_000_000),
        "How far ahead a step of the machine's clock may lead and be followed at once; one that leads further is doubted for a day.",
        unit="seconds",
    )
    topics_max: int = _setting(
        100_000, values.whole(1, 10**9), "Topics per account and region: the quota of SNS.", unit="topics"
    )
    subscriptions_max: int = _setting(
        12_500_000, values.whole(1, 10**9), "Subscriptions per topic: the quota of SNS.", unit="subscriptions"
    )
    pending_max: int = _setting(
        5_000, values.whole(1, 10**9), "Unconfirmed subscriptions per account: the quota of SNS.", unit="subscriptions"
    )
    unsubscribe_rate: int = _setting(
        100,
        values.whole(1, 10**6),
        "Subscribe calls per account, and Unsubscribe calls per account or, unsigned, per client address: the quota of "
        "SNS.",
        unit="per second",
    )
    anonymous_rate: int = _setting(
        50,
        values.whole(1, 10**6),
        "Unsigned confirmations and page requests per client address: enough for an office behind one address, too few to be a "
        "nuisance. A cancel from a page is never turned away. Developer mode has no such limit unless this is set.",
        unit="per second",
    )
    confirm_pace: bool = _setting(
        True,
        values.switch,
        "Whether one recipient is asked to confirm only so often, over all topics, accounts and clouds: mail 20 times an hour and 40 "
        "times in two days, SMS half of that, web hooks 200 times in ten minutes (not in developer mode), as SMN documents; "
        "whoever confirms starts anew. Calls are answered as usual; what was held back is in the ledger. Off: neither that nor "
        "declined requests hold anything back.",
    )
    decline_hold_s: float = _setting(
        30 * 86_400.0,
        values.seconds(0.0, 365 * 86_400.0),
        "How long no further request goes to somebody who said on the confirmation page that he had not asked for it, from the same "
        "account or for the same topic.",
        unit="seconds",
    )
    session_idle_s: int = _setting(
        3_600,
        values.whole(60, 43_200),
        "How long a session of the console lasts without being used; 12 hours after it began it ends in any case.",
        unit="seconds",
    )
    smn_retry_base_s: float = _setting(
        5.0,
        values.seconds(0.01, 3600.0),
        "Delay before the first of the six retries of a web hook in SMN's form; each further one waits twice as long: five minutes "
        "in all, for a receiver that restarts.",
        unit="seconds",
    )
    smn_key_lock_after: int = _setting(
        0,
        values.whole(0, 10**6),
        "Wrong SMN signatures in a row that lock an access key for five minutes. 0: never, because it lets strangers lock out a "
        "caller whose key id they know.",
        unit="failures",
    )
    login_rate: int = _setting(
        10,
        values.whole(1, 10**6),
        "Passwords that one client address (an IPv6 /64) may try, at the console, for SMN tokens and by `/api/v1`: each costs a hash."
        " Beside that, one is verified at a time per address, two wait, and a user's wrong passwords are answered ever more slowly.",
        unit="per second",
    )
    templates_max: int = _setting(
        100, values.whole(1, 10**6), "Message templates per account: the quota of SMN.", unit="templates"
    )
    strict_sns_links: bool = _setting(
        False,
        values.switch,
        "Whether mails carry SNS's own links, which act on a GET as in the cloud. Off: links in mails show a page first, because "
        "mail scanners follow links. JSON for programs always carries SNS's own.",
    )
    anonymous_unsubscribe: bool = _setting(
        True,
        values.switch,
        "Whether whoever knows a subscription's ARN or URN may cancel it unsigned, as in the clouds (AuthenticateOnUnsubscribe aside). "
        "Off: no unsigned call, no `UnsubscribeURL` or `unsubscribe_url` of web hooks and no page that knows the name only. What "
        "remains: signed calls of the owners, the signed links in mails and texts, one-click, STOP, and the console.",
    )
    body_bytes_max: int = _setting(
        2 * 1024 * 1024,
        values.whole(1024, 64 * 1024 * 1024),
        "Longest request body: a full batch of 256 KiB, percent-encoded three to one, fits with room to spare.",
        unit="bytes",
    )
    backlog_max: int = _setting(
        100_000,
        values.whole(1, 10**9),
        "Messages accepted and not yet delivered; publishing waits while there are more, so that the disk cannot fill unnoticed.",
        unit="messages",
    )
    secret_key: str | None = _setting(
        None,
        values.key_text,
        "Encrypts stored secrets and signs links. Set it where the data directory should not hold its own key. To change it, name the one "
        "before in `secret_key_previous`, or stored access keys are unreadable and links in messages dead.",
        secret=True,
        shown_default="secret.key inside the data directory, made at the first start, readable by its owner only",
    )
    secret_key_previous: tuple[str, ...] = _setting(
        (),
        values.key_texts,
        "Secret keys before `secret_key`, the newest first: what they sealed is still read, and links that they signed still work.",
        unit="keys, separated by spaces",
        secret=True,
    )
    log_level: str = _setting(
        "info",
        values.choice("debug", "info", "warning", "error"),
        "Least level logged. Requests answered with success are logged at `debug` (the hot path pays nothing otherwise), "
        "refused and slow ones at `info`, our own failures at `error`.",
    )
    log_format: str | None = _setting(
        None,
        values.choice("text", "json"),
        "Form of the log on standard error.",
        shown_default="text on a terminal, else json",
    )
    origins: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def store_path(self) -> Path:
        """The embedded database's file."""
        return self.data / "tidings.db" if self.store == "sqlite" else Path(self.store.removeprefix("sqlite:///"))

    @property
    def scheme(self) -> str:
        return "https" if self.tls_cert else "http"

    def origin(self, name: str) -> str:
        """`option --x`, `environment TIDINGS_X`, `file PATH` or `default`."""
        return self.origins.get(name, DEFAULT)


ABOUT: Mapping[str, About] = {
    field.name: field.metadata["about"] for field in dataclasses.fields(Settings) if "about" in field.metadata
}
