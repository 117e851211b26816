"""The consent gate's last question, asked by every channel immediately before a send starts.

A page is read from the store with consent in its query; what has changed since is remembered here, so that whatever waits in a
lane, a queue or for a connection is refused the moment a cancel is acknowledged. Within one process that is an ordering rule:
the store commits, `apply` runs, the caller is answered.

Opt-outs of phones are asked of the `TextGate` for every single text, so that a STOP counts as soon as it is committed, and an edited
rule at once (docs/decisions/0020).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tidings.delivery.fanout import topic_of
from tidings.domain.envelope import Outgoing, Permit, TextContent
from tidings.domain.errors import Unavailable
from tidings.domain.lifecycle import may_receive
from tidings.domain.model import AccountId, Kind, Message, State, Topic, TopicId
from tidings.domain.optout import TOPICS_APP, KeywordSet, SmsType
from tidings.domain.outcomes import BLOCKED, Busy, Outcome, RetryLater
from tidings.domain.phone_ports import GateVerdict, TextAsk, TextGate
from tidings.domain.ports import Clock
from tidings.observe.metrics import Metrics

ASK_ANEW = Busy(0, "consent changed; asked again")
"""Of a text whose verdict was given before something changed."""
_NOTICES = (Kind.CONFIRMATION, Kind.GOODBYE)
_TYPE_NAMES = {int(sms_type): sms_type.name.lower().replace("_", "-") for sms_type in SmsType}


@dataclass(slots=True)
class TextAhead:
    """What was read for a text before its attempt: the default sender of who sends it, or empty, and the gate's verdict if it looks
    ahead."""

    sender: str
    verdict: GateVerdict | None


class TextPermit:
    """Whether a text may start: nobody opted out of it, and it is not too old."""

    def __init__(self, gate: TextGate, clock: Clock, metrics: Metrics) -> None:
        self._gate = gate
        self._clock = clock
        self._metrics = metrics

    def refusal(self, outgoing: Outgoing) -> Outcome | None:
        """A Permit. When the store cannot be asked the text waits; when its verdict is out of date, until it was asked for anew."""
        if not isinstance(outgoing.content, TextContent):
            return None  # on its way to a dead-letter queue, not to a phone
        message, ahead = outgoing.message, outgoing.ahead
        if message.expires_at is not None and self._clock.now() >= message.expires_at:
            return BLOCKED
        ask = text_ask(message, topic_of(outgoing.mark), outgoing.endpoint)
        if ask is None:
            return None
        try:
            blocked_at = self._gate.recheck(ask, None if ahead is None else ahead.verdict)
        except Unavailable as error:
            return RetryLater(f"opt-outs cannot be looked up: {error}")
        if blocked_at is None:
            return ASK_ANEW
        if not blocked_at:
            return None
        if not ask.back_at:
            self._metrics.text_blocked(_TYPE_NAMES.get(ask.sms_type, "other"))
        return BLOCKED


def text_ask(message: Message, topic: Topic | None, phone: str) -> TextAsk | None:
    """What the gate is asked of a text. phone: in its canonical form. None: it goes round opt-outs, as answers to people's own texts do."""
    sms_type, app_id = message.sms_type or SmsType.NOTIFICATION, message.sms_app or TOPICS_APP
    if not message.answers:
        return TextAsk(sending_account(message, topic), app_id, sms_type, phone)
    # "You are subscribed again" is wrong after another STOP.
    if message.answers == KeywordSet.OPT_IN and message.sender:
        return TextAsk(message.account_id, app_id, sms_type, phone, message.sender)
    return None


def sending_account(message: Message, topic: Topic | None) -> AccountId:
    """Whose text it is: a notice names the subscription's owner, but is sent for the topic."""
    return topic.account_id if topic is not None and message.kind in _NOTICES else message.account_id


class Gate:
    """Remembers changed subscriptions for two calls of `rotate` (minutes apart), longer than anything waits in memory.

    `permits`: by protocol, what is asked for every attempt besides.
    """

    def __init__(self, permits: Mapping[str, Permit] | None = None) -> None:
        self._permits = permits or {}
        self._recent: dict[str, State] = {}
        self._older: dict[str, State] = {}
        self._gone: dict[TopicId, None] = {}

    def apply(self, uid: str, state: State) -> None:
        """A subscription has a new state from now on."""
        self._recent[uid] = state

    def topic_gone(self, topic_id: TopicId) -> None:
        """The topic was deleted: nothing of it is sent any more. Ids are never given again."""
        self._gone[topic_id] = None

    def refusal(self, outgoing: Outgoing) -> Outcome | None:
        """A Permit: whether this attempt may start now."""
        if self._recent or self._older:
            uid = outgoing.subscriber.uid
            state = self._recent.get(uid)
            if state is None:
                state = self._older.get(uid)
            if state is not None:
                kind = outgoing.message.kind
                if not may_receive(kind is Kind.GOODBYE, kind is Kind.CONFIRMATION, state):
                    return BLOCKED
        if self._gone and outgoing.message.topic_id in self._gone:
            return BLOCKED
        permit = self._permits.get(outgoing.subscriber.protocol)
        return None if permit is None else permit(outgoing)

    def rotate(self) -> None:
        """Forget what is older than the last rotation."""
        self._older, self._recent = self._recent, {}
        while len(self._gone) > 10_000:
            del self._gone[next(iter(self._gone))]
