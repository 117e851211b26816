"""SNS: the front end that unmodified AWS SDKs, CLI and infrastructure tools talk to.

Asked by the server for every request; each action is a function in the file of its subject, which parses, authorizes, makes
one service call and renders. Never touches a store, a flow or a channel.
Source: SNS service model, API version 2010-03-31; SNS API reference.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tidings.access.authenticate import Authenticator
from tidings.dialects.contract import Claim, WireRequest, WireResponse
from tidings.dialects.sns import auth, codec, permissions, publish, sms, sms_attributes, subscriptions, tags, topics
from tidings.dialects.sns.calls import Call, SnsServices
from tidings.dialects.sns.errors import FAILURES, SnsError, echo, translate
from tidings.dialects.sns.limits import DIALECT, VERSION
from tidings.domain.errors import NotAuthenticated, Throttled, TidingsError
from tidings.domain.ports import Clock

Action = Callable[[SnsServices, Call], Awaitable[str | WireResponse | None]]

ACTIONS: dict[str, Action] = {
    "AddPermission": permissions.add_permission,
    "CheckIfPhoneNumberIsOptedOut": sms.check_if_phone_number_is_opted_out,
    "ConfirmSubscription": subscriptions.confirm_subscription,
    "CreateSMSSandboxPhoneNumber": sms.create_sms_sandbox_phone_number,
    "CreateTopic": topics.create_topic,
    "DeleteSMSSandboxPhoneNumber": sms.delete_sms_sandbox_phone_number,
    "DeleteTopic": topics.delete_topic,
    "GetSMSAttributes": sms_attributes.get_sms_attributes,
    "GetSMSSandboxAccountStatus": sms.get_sms_sandbox_account_status,
    "GetSubscriptionAttributes": subscriptions.get_subscription_attributes,
    "GetTopicAttributes": topics.get_topic_attributes,
    "ListOriginationNumbers": sms.list_origination_numbers,
    "ListPhoneNumbersOptedOut": sms.list_phone_numbers_opted_out,
    "ListSMSSandboxPhoneNumbers": sms.list_sms_sandbox_phone_numbers,
    "ListSubscriptions": subscriptions.list_subscriptions,
    "ListSubscriptionsByTopic": subscriptions.list_subscriptions_by_topic,
    "ListTagsForResource": tags.list_tags_for_resource,
    "ListTopics": topics.list_topics,
    "OptInPhoneNumber": sms.opt_in_phone_number,
    "Publish": publish.publish,
    "PublishBatch": publish.publish_batch,
    "RemovePermission": permissions.remove_permission,
    "SetSMSAttributes": sms_attributes.set_sms_attributes,
    "SetSubscriptionAttributes": subscriptions.set_subscription_attributes,
    "SetTopicAttributes": topics.set_topic_attributes,
    "Subscribe": subscriptions.subscribe,
    "TagResource": tags.tag_resource,
    "Unsubscribe": subscriptions.unsubscribe,
    "UntagResource": tags.untag_resource,
    "VerifySMSSandboxPhoneNumber": sms.verify_sms_sandbox_phone_number,
}

NOT_YET = frozenset(
    {
        "CreatePlatformApplication",
        "CreatePlatformEndpoint",
        "DeleteEndpoint",
        "DeletePlatformApplication",
        "GetDataProtectionPolicy",
        "GetEndpointAttributes",
        "GetPlatformApplicationAttributes",
        "ListEndpointsByPlatformApplication",
        "ListPlatformApplications",
        "PutDataProtectionPolicy",
        "SetEndpointAttributes",
        "SetPlatformApplicationAttributes",
    }
)
"""Actions of the model that this server does not offer yet: told so, never answered with a pretended success."""

UNSIGNED = frozenset({"ConfirmSubscription", "Unsubscribe"})
"""Actions that links in messages call. Source: SNS API reference."""

SMS_ACTIONS = frozenset(name for name in ACTIONS if "SMS" in name or "PhoneNumber" in name or "Origination" in name)
"""Actions that name their throttling otherwise than the rest. Source: SNS service model (ThrottledException)."""

CONTENT_TYPE = "text/xml"


class SnsDialect:
    """The SNS front end.

    signing_clock: the clock that signatures are held against; the machine's own even where `services.clock` was moved by a developer,
    because callers sign by theirs.
    """

    name = DIALECT

    def __init__(self, services: SnsServices, authenticator: Authenticator, signing_clock: Clock) -> None:
        self._services = services
        self._authenticator = authenticator
        self._signing_clock = signing_clock

    def claim(self, request: WireRequest) -> Claim:
        """Query calls at the root: any POST, and GETs that name an action or bear a signature."""
        if request.path != "/":
            return Claim.NONE
        if request.method == "POST":
            return Claim.OWN
        return Claim.own_if(
            request.method == "GET"
            and (
                request.query.startswith("Action=")
                or "&Action=" in request.query
                or "X-Amz-Signature=" in request.query
                or "authorization" in request.headers
            )
        )

    async def handle(self, request: WireRequest) -> WireResponse:
        try:
            return await self._answer(request)
        except SnsError as error:
            return _refuse(request, error)
        except codec.Malformed as error:
            return _refuse(request, SnsError("MalformedQueryString", f"The request is not well-formed: {error}", 404))
        except TidingsError as error:
            return _refuse(request, translate(error))

    def failure(self, request: WireRequest, status: int, detail: str) -> WireResponse:
        code, message = FAILURES.get(status, ("InternalError", "An internal error occurred"))
        if status < 500 and detail:
            message = f"{message}: {detail}"
        return _refuse(request, SnsError(code, message, status))

    async def _answer(self, request: WireRequest) -> WireResponse:
        query = codec.decode_form(request.query.encode("utf-8", "surrogatepass"))
        params = query
        if request.method == "POST" and not _is_link(query):
            params = codec.decode_form(request.body, dict(query))
        name = params.get("Action")
        action = _action(name, params.get("Version"))
        assert name is not None
        services = self._services
        now = services.clock.now()
        signed = await auth.verify(request, query, self._authenticator, self._signing_clock.now(), services.skew)
        if signed is not None:
            call = Call(request, name, params, signed.principal, signed.region, now)
        elif name in UNSIGNED:
            call = Call(request, name, params, None, services.home_region, now)
        else:
            raise NotAuthenticated("unsigned")
        try:
            result = await action(services, call)
        except Throttled as error:
            if name in SMS_ACTIONS:
                raise SnsError("Throttled", "Rate exceeded", 429) from error
            raise
        if isinstance(result, WireResponse):
            return result
        return _respond(request, 200, codec.answer(name, result, request.request_id))


def _is_link(query: codec.Params) -> bool:
    """Whether the query string alone is the call, as in a link of a message: then a POST's body means nothing, whatever it is."""
    return query.get("Action") in UNSIGNED and ("SubscriptionArn" in query or "Token" in query)


def _action(name: str | None, version: str | None) -> Action:
    if not name:
        raise SnsError("MissingAction", "The request must contain the parameter Action.")
    if version is not None and version != VERSION:
        raise SnsError(
            "InvalidAction", f"Could not find operation {echo(name)} for version {echo(version)}; use {VERSION}"
        )
    action = ACTIONS.get(name)
    if action is None:
        if name in NOT_YET:
            raise SnsError("InvalidAction", f"The action {name} is not offered by this server yet.")
        raise SnsError("InvalidAction", f"The action {echo(name)} is not valid for this web service.")
    return action


def _refuse(request: WireRequest, error: SnsError) -> WireResponse:
    return _respond(
        request, error.status, codec.refusal(error.status, error.code, error.message, request.request_id, error.members)
    )


def _respond(request: WireRequest, status: int, body: bytes) -> WireResponse:
    return WireResponse(status, body, CONTENT_TYPE, (("x-amzn-RequestId", request.request_id),))
