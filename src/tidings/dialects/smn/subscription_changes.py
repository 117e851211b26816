"""Who may change or delete a subscription, and how calls about many of them are answered. Called by operations.

Source: SMN user guide, "Mappings Between SMN Actions and APIs": only its subscriber or the topic's owner may.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tidings.access.authorize import authorize
from tidings.dialects.smn.calls import Call, SmnServices, permit, subscription_named, topic_urn
from tidings.dialects.smn.errors import SmnError, translate
from tidings.domain.errors import Denied, NotFound, TidingsError
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import Topic
from tidings.services.subscriptions import Found

UPDATE_ALIASES = ("smn:topic:update",)
"""The older name of every permission about subscriptions but looking."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one item of a call about many."""

    urn: str = ""
    status: int = 200
    error: SmnError | None = None


async def permit_change(services: SmnServices, call: Call, found: Found, action: str, *, statement: str = "") -> Grant:
    """Ask for the topic's account by role and policies, for the subscriber's own by role. Raises Denied.

    A third account is refused whatever the topic's policy says: what it lets others do was not meant for other people's
    subscriptions. statement: as for `permit`.
    """
    principal, topic = call.principal, found.topic
    if principal.account_id == topic.account_id:
        return await permit(
            services, call, Verb.CHANGE_SUBSCRIPTION, topic, action, statement=statement, aliases=UPDATE_ALIASES
        )
    resource = await topic_urn(services, topic)
    if principal.account_id != found.subscription.account_id:
        raise Denied(principal.arn, action, resource)
    return authorize(
        principal,
        Verb.CHANGE_SUBSCRIPTION,
        owner=principal.account_id,
        resource=resource,
        source=call,
        action=action,
        aliases=UPDATE_ALIASES,
    )


async def find_of_topic(services: SmnServices, urn: str, topic: Topic | None) -> Found:
    """The subscription of a URN; with a topic, only if it is that topic's. Raises SmnError SMN.0014, NotFound."""
    found = await subscription_named(services, urn)
    if topic is not None and found.topic.id != topic.id:
        raise NotFound("subscription", urn)
    return found


async def each(items: Sequence[Item], act: Callable[[Item], Awaitable[tuple[str, int]]]) -> list[Result]:
    """Do something for each item, in order; `act` gives the URN and the status that are told.

    Raises Denied when it was denied for every single one: an answer of success would say the opposite.
    """
    results: list[Result] = []
    denied: list[Denied] = []
    for item in items:
        try:
            results.append(Result(*await act(item)))
        except SmnError as error:
            results.append(Result(error=error))
        except TidingsError as error:
            if isinstance(error, Denied):
                denied.append(error)
            results.append(Result(error=translate(error)))
    if denied and len(denied) == len(results):
        raise denied[0]
    return results
