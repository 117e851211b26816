"""Mails composed and signed a second: ours beside the standard library's `email` with dkimpy, in one run.

`python -m bench.mail [--seconds 2] [--rounds 3]`. Each round measures ours, theirs, theirs, ours (ABBA), each for some time; the
figures are medians. Afterwards both make the same odd mails and say what a reader gets of them. The exit code is 0: it is evidence for
decision 0016, not a gate.
"""

from __future__ import annotations

import argparse
import email
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8, default
from email.utils import parseaddr
from functools import partial
from statistics import median
from time import perf_counter

import dkim
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tidings.channels.mime import DkimKey, Mail, compose, octets
from tidings.channels.mime.dkim import OVERSIGNED, SIGNED
from tidings.domain.envelope import MailContent

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SENDER = "Tidings <no-reply@tidings.example>"
TOKEN = "t" * 120
ENGLISH = "The nightly job of shop 7 failed twice and was started again.\nSee https://jobs.example/7 for its log.\n" * 4
CHINESE = "七号店的夜间任务失败了两次，已经重新开始。\n详情见 https://jobs.example/7 。\n" * 4
LINE_OCTETS_MAX = 998
ENCODED_WORD_OCTETS_MAX = 75
MAILS = 1_000
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def content(subject: str, text: str, language: str = "en", name: str = "Shop 7", link: str = TOKEN) -> MailContent:
    """A notification as subscribers get it."""
    return MailContent(
        "notification",
        subject,
        name,
        text,
        topic_name="jobs",
        cancel_url=f"https://t.example/s/{link}",
        manage_url=f"https://t.example/m/{link}",
        one_click_url=f"https://t.example/o/{link}",
        language=language,
        list_id="jobs.t.example",
    )


# --- theirs ----------------------------------------------------------------------------------------------------------------


def library_octets(mail: Mail, pem: bytes | None = None, line_octets_max: int = LINE_OCTETS_MAX) -> bytes:
    """The same mail by `email` and dkimpy. Raises ValueError for what they refuse.

    line_octets_max: 78 is the default of `email`; with more it folds less, and is faster.
    """
    message = EmailMessage(
        policy=(SMTPUTF8 if mail.utf8 else SMTP).clone(max_line_length=line_octets_max, cte_type="7bit")
    )
    for name, value in mail.headers:
        if name == "From":
            message["From"] = Address(display_name=mail.from_name, addr_spec=mail.sender)
        else:
            message[name] = value
    message["Content-Language"] = mail.language
    message.set_content(mail.text)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
    whole = message.as_bytes()
    return _signature(whole, pem) + whole if pem is not None else whole


def _signature(whole: bytes, pem: bytes) -> bytes:
    present = {name.lower().encode() for name in email.message_from_bytes(whole)}
    names = [name for name in SIGNED if name in present]
    canonical = (b"relaxed", b"relaxed")
    signature: bytes = dkim.sign(
        whole, b"s1", b"tidings.example", pem, canonicalize=canonical, include_headers=[*names, *OVERSIGNED]
    )
    return signature


# --- how many --------------------------------------------------------------------------------------------------------------


def rate(make: Callable[[int], object], seconds: float) -> float:
    """Mails a second."""
    made, start = 0, perf_counter()
    while (now := perf_counter()) - start < seconds:
        for _ in range(10):
            make(made)
            made += 1
    return made / (now - start)


def measure(
    name: str, ours: Callable[[int], object], theirs: Callable[[int], object], seconds: float, rounds: int
) -> None:
    mine: list[float] = []
    other: list[float] = []
    for _ in range(rounds):
        for into, make in ((mine, ours), (other, theirs), (other, theirs), (mine, ours)):
            into.append(rate(make, seconds))
    a, b = median(mine), median(other)
    print(f"| {name} | {a:,.0f} | {b:,.0f} | {1000 / a:.2f} | {1000 / b:.2f} | {a / b:.1f} |")


def rates(seconds: float, rounds: int) -> None:
    their_key = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    our_key = DkimKey("tidings.example", "s1", KEY)
    print("| mail | ours /s | email + dkimpy /s | ours ms | theirs ms | ratio |")
    print("| --- | --- | --- | --- | --- | --- |")
    for language, given in (
        ("English", content("Job failed", ENGLISH)),
        ("Chinese", content("任务失败", CHINESE, "zh-CN", "七号店")),
    ):
        composed = partial(_composed, given)
        kept = [composed(number) for number in range(MAILS)].__getitem__
        for what, mail_of, ours, theirs in (
            ("octets alone", kept, octets, library_octets),
            ("templates and octets", composed, octets, library_octets),
            ("octets, signed (RSA 2048)", kept, partial(octets, dkim=our_key), partial(library_octets, pem=their_key)),
        ):
            makers = partial(_make, ours, mail_of), partial(_make, theirs, mail_of)
            measure(f"{language}, {what}", *makers, seconds, rounds)


def _composed(given: MailContent, number: int) -> Mail:
    return compose(given, f"user{number}@example.com", SENDER, f"m-{number}", AT)


def _make(make: Callable[[Mail], bytes], mail_of: Callable[[int], Mail], number: int) -> bytes:
    return make(mail_of(number % MAILS))


# --- how right -------------------------------------------------------------------------------------------------------------


def odd_mails() -> list[tuple[str, Mail]]:
    def made(given: MailContent, endpoint: str = "bob@example.com") -> Mail:
        return compose(given, endpoint, SENDER, "m-1", AT)

    return [
        ("a plain subject", made(content("Job failed", ENGLISH))),
        ("a subject of 400 letters", made(content("word " * 80, ENGLISH))),
        ("a subject of one word of 400 letters", made(content("x" * 400, ENGLISH))),
        ("a mixed subject", made(content("Straße 7, größer  als 八 und 9", ENGLISH))),
        ("a subject of 200 ideographs", made(content("任务" * 100, CHINESE))),
        ("a subject like an encoded word", made(content("=?utf-8?q?a=0D=0ABcc:_x?=", ENGLISH))),
        ("a subject with emoji that are joined", made(content("👨\u200d👩\u200d👧 ❤\ufe0f", ENGLISH))),
        ("a name beyond ASCII", made(content("Job", ENGLISH, name="Müller, “Söhne” <x@y>"))),
        ("a long name beyond ASCII", made(content("Job", ENGLISH, name="七号店" * 20))),
        ("a link of 700 characters", made(content("Job", ENGLISH, link="t" * 660))),
        ("a long message id", compose(content("Job", ENGLISH), "bob@example.com", SENDER, "m" * 150, AT)),
        ("an address beyond ASCII", made(content("Größe", ENGLISH), "bü@example.com")),
        ("a text line of 5,000 letters", made(content("Job", "x" * 5000))),
        ("a text with dots and From", made(content("Job", ".\n..\nFrom me\n \n\n"))),
        ("a text beyond ASCII", made(content("Job", "é\ttab at the end\t\n  = =20\n" + CHINESE))),
    ]


def view(raw: bytes) -> dict[str, str]:
    """What a reader gets."""
    message = email.message_from_bytes(raw, policy=default)
    seen = {name: " ".join(str(message[name]).split()) for name in message}
    # The newer parser puts a space between the encoded words of a name; the older one and mail programs do not.
    name, address = parseaddr(email.message_from_bytes(raw)["From"])
    seen["From"] = str(Address(str(make_header(decode_header(name))), addr_spec=address))
    for part in message.walk():
        if not part.is_multipart():
            seen[part.get_content_type()] = str(part.get_content()).replace("\r\n", "\n").rstrip("\n")
    return seen


def faults(mail: Mail, raw: bytes) -> list[str]:
    """What is not as it was meant."""
    seen, head = view(raw), raw.partition(b"\r\n\r\n")[0]
    meant = {name: " ".join(value.split()) for name, value in mail.headers}
    meant |= {"text/plain": mail.text.rstrip("\n"), "text/html": mail.html.rstrip("\n")}
    found = [
        f"{name} reads {seen.get(name, '')[:30]!r}" for name, value in meant.items() if seen.get(name, "") != value
    ]
    if any(len(line) > LINE_OCTETS_MAX for line in raw.split(b"\r\n")):
        found.append("a line is too long")
    if not mail.utf8 and not raw.isascii():
        found.append("8 bit")
    if any(len(word) > ENCODED_WORD_OCTETS_MAX for word in re.findall(rb"=\?utf-8\?[bq]\?[^?\s]*\?=", head)):
        found.append("an encoded word of more than 75 octets (RFC 2047, 2)")
    for name in (b"List-Unsubscribe", b"Message-ID"):
        if re.search(rb"\n%b:(?! <[^\s<>]+>\r?\n)" % name, head + b"\r\n"):
            found.append(f"{name.decode()} is folded or encoded")
    return found


def rightness() -> None:
    print("\n| odd mail | ours | email, lines of 998 | email, lines of 78 |\n| --- | --- | --- | --- |")
    for name, mail in odd_mails():
        told = []
        for make in (octets, library_octets, partial(library_octets, line_octets_max=78)):
            try:
                told.append("; ".join(faults(mail, make(mail))) or "as meant")
            except Exception as error:  # whatever it is, it is the finding
                told.append(f"{type(error).__name__}: {str(error)[:60]}")
        print(f"| {name} | {' | '.join(told)} |")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.mail")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    rates(asked.seconds, asked.rounds)
    rightness()
    sys.exit(0)


if __name__ == "__main__":
    main()
