"""A grant is for one verb, one owner and, where it names one, one topic; for everything else it is a refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.support.build import ACCOUNT, OTHER_ACCOUNT, make_principal, make_topic

from tidings.domain.errors import Denied
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import TopicId

GRANT = Grant(make_principal(), Verb.PUBLISH, ACCOUNT, "news")
OF_ONE_TOPIC = replace(GRANT, topic_id=TopicId(1))


@pytest.mark.parametrize(
    "ask",
    [
        lambda: GRANT.require(Verb.PUBLISH),
        lambda: GRANT.require(Verb.SUBSCRIBE, Verb.PUBLISH),
        lambda: GRANT.require_owner(OTHER_ACCOUNT, ACCOUNT),
        lambda: GRANT.require_topic(make_topic(7)),
        lambda: GRANT.require_topic_id(None),
        lambda: OF_ONE_TOPIC.require_topic(make_topic(1)),
    ],
)
def test_what_was_granted_may_be_done(ask: Callable[[], None]) -> None:
    ask()


@pytest.mark.parametrize(
    ("ask", "action"),
    [
        (lambda: GRANT.require(Verb.SUBSCRIBE, Verb.CREATE_TOPIC), Verb.SUBSCRIBE),
        (lambda: GRANT.require_owner(OTHER_ACCOUNT), Verb.PUBLISH),
        (lambda: GRANT.require_topic(make_topic(account_id=OTHER_ACCOUNT)), Verb.PUBLISH),
        (lambda: OF_ONE_TOPIC.require_topic(make_topic(2)), Verb.PUBLISH),
        (lambda: OF_ONE_TOPIC.require_topic_id(None), Verb.PUBLISH),
    ],
)
def test_everything_else_is_denied_and_says_what(ask: Callable[[], None], action: Verb) -> None:
    with pytest.raises(Denied) as denied:
        ask()
    assert (denied.value.principal, denied.value.action, denied.value.resource) == (
        GRANT.principal.arn,
        action.value,
        "news",
    )
