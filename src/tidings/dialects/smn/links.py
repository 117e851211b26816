"""The public GETs behind SMN's links: confirm, come back, cancel; and the signing certificate. Anybody may ask.

Two sets of addresses lead here. The API's own act at once, because programs call them. Those in messages act at once for web hooks
only: for people they answer with the address of a page, so that a scanner that follows every link changes nothing.
Source: SMN API reference, "Subscribing to a Topic", "Confirming a Subscription", "Canceling a Subscription"; SMN user guide,
"HTTP or HTTPS Message Format"; huaweicloudsdksmn, DownloadHttpCertRequest, DownloadHttpSignCertRequest.
"""

from __future__ import annotations

from dataclasses import dataclass

from tidings.dialects.contract import WireResponse
from tidings.dialects.smn import addresses, endpoints, names, texts
from tidings.dialects.smn.calls import (
    Answer,
    Call,
    Route,
    SmnServices,
    done,
    subscription_named,
    subscription_urn,
    topic_urn,
)
from tidings.dialects.smn.errors import missing_parameter, refuse
from tidings.domain import links
from tidings.domain.errors import NotFound
from tidings.domain.model import TokenPurpose
from tidings.domain.tokens import LinkPurpose
from tidings.services.subscriptions import Canceled, Found

CERTIFICATE_TYPE = "application/x-pem-file"
_PHONE_OR_MAIL = frozenset({"email", "sms"})
_PEOPLE = frozenset({"email", "email-json", "sms"})


@dataclass(frozen=True, slots=True)
class Shown:
    """A token that somebody showed, and what it is about. `standing`: it is the text of a PERMANENT link. `page`: where a person
    presses the button."""

    found: Found
    standing: bool
    page: str


async def confirm(services: SmnServices, call: Call) -> Answer:
    """SubscribeTopic, ConfirmSubscription: confirm, or come back, at once. Safe to repeat."""
    shown = await _check(services, call)
    return await _confirm(services, call, shown)


async def confirm_link(services: SmnServices, call: Call) -> Answer | WireResponse:
    """The `subscribe_url` of messages."""
    shown = await _check(services, call)
    if shown.found.subscription.protocol in _PEOPLE:
        return _see(services, shown.page)
    return await _confirm(services, call, shown)


async def unsubscribe(services: SmnServices, call: Call) -> Answer:
    """UnsubscribeTopic, UnsubscribeSubscription: cancel at once. Safe to repeat."""
    return await _cancel(services, call, await _named(services, call))


async def unsubscribe_link(services: SmnServices, call: Call) -> Answer | WireResponse:
    """The `unsubscribe_url` of messages.

    It holds no secret, so the page it leads people to must not hold more than it either: none of the links that only the endpoint
    got, which could confirm, or show what else the endpoint receives.
    """
    found = await _named(services, call)
    if found.subscription.protocol in _PEOPLE:
        return _see(services, links.named_url("", found.subscription.uid))
    return await _cancel(services, call, found)


async def download_certificate(services: SmnServices, call: Call) -> WireResponse:
    """DownloadHttpCert, DownloadHttpSignCert."""
    name = call.path["certificate_id"]
    certificate = services.certificate(name)
    if certificate is None:
        raise NotFound("certificate", name)
    return WireResponse(200, certificate, CERTIFICATE_TYPE, (("X-Request-Id", call.request_id),))


# --- confirming -----------------------------------------------------------------------------------------------------------


async def _check(services: SmnServices, call: Call) -> Shown:
    """The token and all that must agree with it. Raises SmnError, InvalidToken.

    `token` is always needed: without it anybody could confirm for anybody. A phone or mail address may be named in place of the
    topic.
    """
    token, urn, endpoint = (call.query.get(name, "") for name in ("token", "topic_urn", "endpoint"))
    if not token:
        raise missing_parameter("token")
    if urn:
        names.read_topic_urn(urn)
    services.limiter.take(f"smn:ConfirmSubscription:{call.request.remote}")
    shown = await _look_up(services, token)
    found = shown.found
    if not urn and not (endpoint and found.subscription.protocol in _PHONE_OR_MAIL):
        raise missing_parameter("topic_urn")
    if urn and urn != await topic_urn(services, found.topic):
        raise refuse("SMN.0022")
    known = (found.subscription.endpoint, endpoints.shown(found.subscription))
    if endpoint and endpoint not in known and endpoints.wanted(endpoint) not in known:
        raise refuse("SMN.0022")
    return shown


async def _look_up(services: SmnServices, token: str) -> Shown:
    """Raises InvalidToken, TokenExpired (a permanent link's age counts when it is used)."""
    if token.startswith(LinkPurpose.PERMANENT.value):
        found, _ = await services.subscriptions.look_up_permanent(token)
        return Shown(found, True, links.permanent_url("", token))
    found, stored = await services.subscriptions.look_up_token(token)
    page = links.confirm_url if stored.purpose is TokenPurpose.CONFIRM else links.restore_url
    return Shown(found, False, page("", token))


async def _confirm(services: SmnServices, call: Call, shown: Shown) -> Answer:
    token = call.query["token"]
    if shown.standing:
        found = await services.subscriptions.confirm_by_permanent_link(token, origin=call.origin)
    else:
        found = await services.subscriptions.confirm(token, by=None, origin=call.origin)
    return done(subscription_urn=await subscription_urn(services, found.topic, found.subscription))


# --- canceling ------------------------------------------------------------------------------------------------------------


async def _named(services: SmnServices, call: Call) -> Found:
    """Raises SmnError, NotAuthenticated, NotFound."""
    urn = call.query.get("subscription_urn", "")
    if not urn:
        raise missing_parameter("subscription_urn")
    names.read_subscription_urn(urn)
    services.subscriptions.check_anonymous_cancel()
    services.limiter.take(f"smn:Unsubscribe:{call.request.remote}")
    return await subscription_named(services, urn)


async def _cancel(services: SmnServices, call: Call, found: Found) -> Answer:
    urn = await subscription_urn(services, found.topic, found.subscription)
    canceled = await services.subscriptions.cancel(found.subscription.uid, by=None, origin=call.origin)
    if canceled is None:
        raise NotFound("subscription", urn)
    return done(message=f"The subscription {urn} is canceled.{await _way_back(services, canceled)}")


async def _way_back(services: SmnServices, canceled: Canceled) -> str:
    """How to undo it. Nobody but the endpoint itself gets a link to a page for people: that shows what else it receives."""
    if not canceled.restore_token:
        return ""
    life = texts.life(services.link_ttl_s)
    if canceled.subscription.protocol == "sms":
        return f" If this was a mistake, open the link of the text message that asked to confirm, within {life}."
    if canceled.subscription.protocol in _PEOPLE:
        return f" If this was a mistake, use the link in the mail that was just sent, within {life}."
    urn = await topic_urn(services, canceled.topic)
    link = addresses.confirm_link(services.public_url, urn, canceled.topic.region, canceled.restore_token)
    return f" If this was a mistake, visit this link within {life} to subscribe again: {link}"


def _see(services: SmnServices, page: str) -> WireResponse:
    location = f"{services.public_url.rstrip('/')}{page}"
    headers = (("Location", location), ("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"))
    return WireResponse(303, headers=headers)


_API = "v2/notifications"
_OLD_API = "rest/v2/notifications/subscription"

ROUTES: tuple[Route, ...] = (
    Route("GET", f"{_API}/subscriptions/subscribe", "SubscribeTopic", confirm, public=True),
    Route("GET", f"{_OLD_API}/confirm", "ConfirmSubscription", confirm, public=True),
    Route("GET", f"{_API}/subscriptions/unsubscribe", "UnsubscribeTopic", unsubscribe, public=True),
    Route("GET", f"{_OLD_API}/unsubscribe", "UnsubscribeSubscription", unsubscribe, public=True),
    Route("GET", addresses.CONFIRM_PATH, "ConfirmLink", confirm_link, public=True),
    Route("GET", addresses.UNSUBSCRIBE_PATH, "UnsubscribeLink", unsubscribe_link, public=True),
    # Whoever POSTs to a cancel link wants out, whatever the body is. Source: RFC 8058, 3.2.
    Route("POST", f"{_API}/subscriptions/unsubscribe", "UnsubscribeTopic", unsubscribe, public=True),
    Route("POST", f"{_OLD_API}/unsubscribe", "UnsubscribeSubscription", unsubscribe, public=True),
    Route("POST", addresses.UNSUBSCRIBE_PATH, "UnsubscribeLink", unsubscribe, public=True),
    Route("GET", "smn/{certificate_id}", "DownloadHttpCert", download_certificate, public=True),
    Route(
        "GET",
        f"{_API}/certifications/download/{{certificate_id}}",
        "DownloadHttpSignCert",
        download_certificate,
        public=True,
    ),
)
