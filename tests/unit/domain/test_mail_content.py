"""Mails before MIME: what each kind of message holds for its subscriber, and what it must not hold."""

from __future__ import annotations

from dataclasses import replace

from tests.support.build import UID, make_message, make_subscriber, make_topic

from tidings.domain.mail_content import Links, make_letter, name_of, template_of, text_of
from tidings.domain.model import Kind
from tidings.domain.tokens import LinkPurpose, read_link

KEY = b"k" * 32
LINKS = Links("https://news.example", KEY, language="zh-CN")


def uid_of(url: str, purpose: LinkPurpose) -> str:
    return read_link(KEY, purpose, url.rsplit("/", 1)[1])


def test_a_notification_offers_to_cancel_and_nothing_to_confirm() -> None:
    message = replace(make_message(), bodies={"email": "for mail"})
    link = LINKS.cancel_page(UID)
    mail = make_letter(
        LINKS, message, make_topic(), make_subscriber("email"), subject="s", link=link, introduction="hello"
    )
    assert (mail.template, mail.subject, mail.text, mail.language) == ("notification", "s", "for mail", "zh-CN")
    assert (mail.confirm_url, mail.cancel_url, mail.introduction) == ("", link, "")
    assert (mail.topic_name, mail.from_name, mail.list_id) == ("news", "", "news.000000000000.us-east-1")
    assert uid_of(mail.cancel_url, LinkPurpose.CANCEL) == uid_of(mail.one_click_url, LinkPurpose.CANCEL) == UID
    assert uid_of(mail.manage_url, LinkPurpose.ENDPOINT) == UID


def test_a_request_to_confirm_holds_its_link_and_no_text_of_the_message() -> None:
    message = replace(make_message(Kind.CONFIRMATION), language="en")
    link = LINKS.notice_page(Kind.CONFIRMATION, "t")
    mail = make_letter(
        LINKS, message, make_topic(), make_subscriber("email"), subject="", link=link, introduction="hello"
    )
    assert (mail.template, mail.text, mail.language, mail.introduction) == ("confirmation", "", "en", "hello")
    assert (mail.confirm_url, mail.cancel_url, mail.one_click_url) == ("https://news.example/s/y/t", "", "")


def test_a_goodbye_shows_the_way_back() -> None:
    message = make_message(Kind.GOODBYE)
    link = LINKS.notice_page(Kind.GOODBYE, "t")
    mail = make_letter(
        LINKS, message, make_topic(), make_subscriber(), subject="", link=link, text="bye", introduction="hello"
    )
    assert (mail.template, mail.text, mail.confirm_url) == ("goodbye", "bye", "https://news.example/s/r/t")
    assert mail.introduction == ""


def test_a_template_may_be_named() -> None:
    mail = make_letter(
        LINKS, make_message(), make_topic(), make_subscriber(), subject="", link="l", text="{}", template="json"
    )
    assert (mail.template, mail.text) == ("json", "{}")


def test_texts_and_names_have_their_second_choice() -> None:
    message = replace(make_message(), bodies={"sms": "short"})
    assert [text_of(message, protocol) for protocol in ("sms", "email")] == ["short", "hello"]
    assert text_of(make_message(), "sms") == "hello"
    assert [name_of(make_topic(display_name=name)) for name in ("", "News")] == ["news", "News"]
    assert template_of(make_message(Kind.DIRECT)) == "notification"


def test_a_phones_page_is_for_ever() -> None:
    url = LINKS.standing_page(UID)
    assert url.startswith("https://news.example/s/p/")
    assert uid_of(url, LinkPurpose.PERMANENT) == UID


def test_a_key_is_not_shown() -> None:
    assert "kkkk" not in repr(LINKS)
