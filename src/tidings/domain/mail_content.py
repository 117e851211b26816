"""Mails as every dialect writes them: what a subscriber's mail holds besides the message's own text. Pure.

Called by the dialects' envelopes; `channels/mime` makes octets of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tidings.domain import links
from tidings.domain.envelope import MailContent
from tidings.domain.model import Kind, Message, Subscriber, Topic
from tidings.domain.tokens import LinkKeys, LinkPurpose, sign_link

_NOTICES = {Kind.CONFIRMATION: "confirmation", Kind.GOODBYE: "goodbye"}


@dataclass(frozen=True, slots=True)
class Links:
    """What envelopes need to speak to people. `key`: of signed links. strict: people's links are SNS's own, as on the live service
    (a GET acts). language: of the words that we add where the message names none."""

    public_url: str
    key: LinkKeys = field(repr=False)
    strict: bool = False
    language: str = "en"

    def notice_page(self, kind: Kind, token: str) -> str:
        """The page behind a notice's link: it asks to confirm, or to come back."""
        make = links.confirm_url if kind is Kind.CONFIRMATION else links.restore_url
        return make(self.public_url, token)

    def cancel_page(self, uid: str) -> str:
        return links.cancel_url(self.public_url, sign_link(self.key, LinkPurpose.CANCEL, uid))

    def one_click(self, uid: str) -> str:
        return links.one_click_url(self.public_url, sign_link(self.key, LinkPurpose.CANCEL, uid))

    def endpoint_page(self, uid: str) -> str:
        return links.endpoint_url(self.public_url, sign_link(self.key, LinkPurpose.ENDPOINT, uid))

    def standing_page(self, uid: str) -> str:
        return links.permanent_url(self.public_url, sign_link(self.key, LinkPurpose.PERMANENT, uid))


def text_of(message: Message, protocol: str) -> str:
    """The text that subscribers of a protocol get."""
    return message.bodies.get(protocol, message.body) if message.bodies else message.body


def name_of(topic: Topic) -> str:
    """The topic as people know it."""
    return topic.display_name or topic.name


def template_of(message: Message) -> str:
    return _NOTICES.get(message.kind, "notification")


def make_letter(
    links_: Links,
    message: Message,
    topic: Topic,
    subscriber: Subscriber,
    *,
    subject: str,
    link: str,
    text: str = "",
    template: str = "",
    introduction: str = "",
) -> MailContent:
    """The mail of one message for one subscriber.

    link: of a notice, where to confirm or to come back; else where to cancel. text: instead of the message's own. subject: empty for
    the phrase of the template in the reader's language.
    """
    is_notice = message.kind in _NOTICES
    uid = subscriber.uid
    return MailContent(
        template=template or template_of(message),
        subject=subject,
        from_name=topic.display_name,
        text=text if text or is_notice else text_of(message, subscriber.protocol),
        topic_name=name_of(topic),
        confirm_url=link if is_notice else "",
        cancel_url="" if is_notice else link,
        manage_url=links_.endpoint_page(uid),
        one_click_url="" if is_notice else links_.one_click(uid),
        language=message.language or links_.language,
        list_id=f"{topic.name}.{topic.account_id}.{topic.region}",
        introduction=introduction if message.kind is Kind.CONFIRMATION else "",
    )
