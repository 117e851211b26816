"""What the service has and this server has not: answered as such, so that a program can tell it from a mistyped path.

Source: SMN API reference, "Returned Value" (501); paths as the SDK's.
"""

from __future__ import annotations

from tidings.dialects.smn.calls import Answer, Call, Route, SmnServices
from tidings.dialects.smn.errors import not_offered

_TOPIC = "v2/{project_id}/notifications/topics/{topic_urn}"
_APPLICATIONS = "v2/{project_id}/notifications/applications"
_ENDPOINTS = "v2/{project_id}/notifications/endpoints/{endpoint_urn}"
_SUBSCRIPTIONS = "v2/{project_id}/notifications/subscriptions"


async def refuse_call(services: SmnServices, call: Call) -> Answer:
    """Any of the operations below."""
    raise not_offered(call.operation)


_OPERATIONS = (
    ("POST", f"{_TOPIC}/subscriptions/from-subscription-users", "AddSubscriptionFromSubscriptionUser"),
    ("POST", f"{_TOPIC}/logtanks", "CreateLogtank"),
    ("GET", f"{_TOPIC}/logtanks", "ListLogtank"),
    ("PUT", f"{_TOPIC}/logtanks/{{logtank_id}}", "UpdateLogtank"),
    ("DELETE", f"{_TOPIC}/logtanks/{{logtank_id}}", "DeleteLogtank"),
    ("POST", f"{_TOPIC}/notify-policy", "CreateNotifyPolicy"),
    ("GET", f"{_TOPIC}/notify-policy", "ShowNotifyPolicy"),
    ("PUT", f"{_TOPIC}/notify-policy/{{notify_policy_id}}", "UpdateNotifyPolicy"),
    ("DELETE", f"{_TOPIC}/notify-policy/{{notify_policy_id}}", "DeleteNotifyPolicy"),
    ("POST", f"{_TOPIC}/kms", "CreateKmsKey"),
    ("GET", f"{_TOPIC}/kms", "ShowKmsKey"),
    ("PUT", f"{_TOPIC}/kms/{{id}}", "UpdateKmsKey"),
    ("DELETE", f"{_TOPIC}/kms/{{id}}", "DeleteKmsKey"),
    ("POST", _APPLICATIONS, "CreateApplication"),
    ("GET", _APPLICATIONS, "ListApplications"),
    ("GET", f"{_APPLICATIONS}/{{application_urn}}", "ListApplicationAttributes"),
    ("PUT", f"{_APPLICATIONS}/{{application_urn}}", "UpdateApplication"),
    ("DELETE", f"{_APPLICATIONS}/{{application_urn}}", "DeleteApplication"),
    ("POST", f"{_APPLICATIONS}/{{application_urn}}/endpoints", "CreateApplicationEndpoint"),
    ("GET", f"{_APPLICATIONS}/{{application_urn}}/endpoints", "ListApplicationEndpoints"),
    ("GET", _ENDPOINTS, "ListApplicationEndpointAttributes"),
    ("PUT", _ENDPOINTS, "UpdateApplicationEndpoint"),
    ("DELETE", _ENDPOINTS, "DeleteApplicationEndpoint"),
    ("POST", f"{_ENDPOINTS}/publish", "PublishAppMessage"),
    # Outside the SDK: in old documentation.
    ("PUT", f"{_TOPIC}/subscriptions/{{subscription_urn}}/confirmation", "RequestSubscriptionConfirmation"),
    ("PUT", f"{_SUBSCRIPTIONS}/confirmation", "RequestSubscriptionConfirmations"),
)

ROUTES: tuple[Route, ...] = tuple(Route(method, path, name, refuse_call) for method, path, name in _OPERATIONS)
