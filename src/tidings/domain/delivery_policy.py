"""SNS delivery policies: read and check those of topics and subscriptions, merge them with the defaults, and make the plan.

Called by the SNS dialect, when an attribute is set or shown and when an envelope asks for its retry plan. Pure.
A stored policy is the normalized JSON that `read_topic` and `read_subscription` return, so that reading it again never fails.

Source: SNS developer guide, "Amazon SNS message delivery retries" and "Creating an HTTP/S delivery policy"; SNS API reference,
SetTopicAttributes (EffectiveDeliveryPolicy). Attribute forms as observed on the live service.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from tidings.domain.errors import InvalidValue
from tidings.domain.policy import read_json_object
from tidings.domain.retry import BACKOFF_FUNCTIONS, RetryPlan, delay_s

FIELD = "DeliveryPolicy"
DEFAULT_CONTENT_TYPE = "text/plain; charset=UTF-8"
CONTENT_TYPES = frozenset(
    {
        "application/atom+xml",
        "application/json",
        "application/octet-stream",
        "application/soap+xml",
        "application/x-www-form-urlencoded",
        "application/xhtml+xml",
        "application/xml",
        "text/css",
        "text/csv",
        "text/html",
        "text/plain",
        "text/xml",
    }
)
"""What `headerContentType` may name, before any parameter. Source: SNS developer guide, "Request policy"."""

DELAY_S_MAX = 3600
RETRIES_MAX = 100
RECEIVES_PER_S_MAX = 1_000_000

HEALTHY_DEFAULTS: dict[str, Any] = {
    "minDelayTarget": 20,
    "maxDelayTarget": 20,
    "numRetries": 3,
    "numMaxDelayRetries": 0,
    "numNoDelayRetries": 0,
    "numMinDelayRetries": 0,
    "backoffFunction": "linear",
}
_TOPIC_MEMBERS = {
    "defaultHealthyRetryPolicy": "healthyRetryPolicy",
    "defaultThrottlePolicy": "throttlePolicy",
    "defaultRequestPolicy": "requestPolicy",
    "defaultSicklyRetryPolicy": "sicklyRetryPolicy",
}


def read_topic(text: str) -> str:
    """A topic's policy, checked and normalized: the members given, and `disableSubscriptionOverrides`.

    Raises InvalidValue (field `DeliveryPolicy`).
    """
    document = read_json_object(text, FIELD)
    _only(document, {"http"}, "")
    http = document.get("http")
    if http is None:
        return "{}"
    if not isinstance(http, dict):
        raise InvalidValue(FIELD, "http must be an object")
    _only(http, {*_TOPIC_MEMBERS, "disableSubscriptionOverrides"}, "http.")
    kept: dict[str, Any] = {}
    for name, plain in _TOPIC_MEMBERS.items():
        if http.get(name) is not None:
            kept[name] = _member(plain, http[name], f"http.{name}")
    override = http.get("disableSubscriptionOverrides")
    if override is not None and not isinstance(override, bool):
        raise InvalidValue(FIELD, "http.disableSubscriptionOverrides must be true or false")
    kept["disableSubscriptionOverrides"] = bool(override)
    return _json({"http": kept})


def read_subscription(text: str) -> str:
    """A subscription's policy, checked and normalized: all five members, null where unset. Raises InvalidValue."""
    document = read_json_object(text, FIELD)
    names = ("healthyRetryPolicy", "sicklyRetryPolicy", "throttlePolicy", "requestPolicy")
    _only(document, {*names, "guaranteed"}, "")
    kept: dict[str, Any] = {
        name: None if document.get(name) is None else _member(name, document[name], name) for name in names
    }
    guaranteed = document.get("guaranteed")
    if guaranteed is not None and not isinstance(guaranteed, bool):
        raise InvalidValue(FIELD, "guaranteed must be true or false")
    kept["guaranteed"] = bool(guaranteed)
    return _json(kept)


def effective_topic(topic_text: str) -> str:
    """What `EffectiveDeliveryPolicy` of a topic shows. topic_text: normalized, or empty when unset."""
    http = _topic_http(topic_text)
    shown: dict[str, Any] = {
        "defaultHealthyRetryPolicy": {**HEALTHY_DEFAULTS, **http.get("defaultHealthyRetryPolicy", {})},
        "disableSubscriptionOverrides": http.get("disableSubscriptionOverrides", False),
        "defaultRequestPolicy": {
            "headerContentType": DEFAULT_CONTENT_TYPE,
            **http.get("defaultRequestPolicy", {}),
        },
    }
    if "defaultThrottlePolicy" in http:
        shown["defaultThrottlePolicy"] = http["defaultThrottlePolicy"]
    return _json({"http": shown})


def effective_subscription(topic_text: str, subscription_text: str) -> str:
    """What `EffectiveDeliveryPolicy` of an HTTP/S subscription shows. Texts normalized, or empty when unset."""
    return _json(_effective(topic_text, subscription_text))


@lru_cache(maxsize=1024)
def http_plan(topic_text: str, subscription_text: str) -> RetryPlan:
    """The retries of an HTTP/S subscription. Texts normalized, or empty when unset."""
    return _plan(_effective(topic_text, subscription_text)["healthyRetryPolicy"])


@lru_cache(maxsize=1024)
def content_type(topic_text: str, subscription_text: str) -> str:
    """The Content-Type of a notification to an HTTP/S subscription. Texts normalized, or empty when unset."""
    return str(_effective(topic_text, subscription_text)["requestPolicy"]["headerContentType"])


@lru_cache(maxsize=1024)
def receives_per_s_max(topic_text: str, subscription_text: str) -> int | None:
    """The wished bound on deliveries a second, or None."""
    throttle = _effective(topic_text, subscription_text)["throttlePolicy"]
    return None if throttle is None else int(throttle["maxReceivesPerSecond"])


def _topic_http(topic_text: str) -> dict[str, Any]:
    return json.loads(topic_text).get("http", {}) if topic_text else {}


def _effective(topic_text: str, subscription_text: str) -> dict[str, Any]:
    """Member by member: the subscription's own, else the topic's, else the default."""
    http = _topic_http(topic_text)
    own: dict[str, Any] = json.loads(subscription_text) if subscription_text else {}
    if http.get("disableSubscriptionOverrides"):
        own = {}
    healthy = own.get("healthyRetryPolicy") or http.get("defaultHealthyRetryPolicy") or {}
    request = own.get("requestPolicy") or http.get("defaultRequestPolicy") or {}
    return {
        "healthyRetryPolicy": {**HEALTHY_DEFAULTS, **healthy},
        "sicklyRetryPolicy": None,
        "throttlePolicy": own.get("throttlePolicy") or http.get("defaultThrottlePolicy"),
        "requestPolicy": {"headerContentType": DEFAULT_CONTENT_TYPE, **request},
        "guaranteed": False,
    }


def _plan(healthy: dict[str, Any]) -> RetryPlan:
    fixed = healthy["numNoDelayRetries"] + healthy["numMinDelayRetries"] + healthy["numMaxDelayRetries"]
    return RetryPlan(
        no_delay_count=healthy["numNoDelayRetries"],
        min_count=healthy["numMinDelayRetries"],
        backoff_count=healthy["numRetries"] - fixed,
        max_count=healthy["numMaxDelayRetries"],
        min_s=healthy["minDelayTarget"],
        max_s=healthy["maxDelayTarget"],
        function=healthy["backoffFunction"],
    )


def _member(name: str, raw: Any, path: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise InvalidValue(FIELD, f"{path} must be an object")
    match name:
        case "healthyRetryPolicy" | "sicklyRetryPolicy":
            return _healthy(raw, path)
        case "throttlePolicy":
            _only(raw, {"maxReceivesPerSecond"}, f"{path}.")
            return {
                "maxReceivesPerSecond": _whole(
                    raw.get("maxReceivesPerSecond"), 1, RECEIVES_PER_S_MAX, f"{path}.maxReceivesPerSecond"
                )
            }
        case _:
            _only(raw, {"headerContentType"}, f"{path}.")
            return {"headerContentType": _content_type(raw.get("headerContentType"), f"{path}.headerContentType")}


def _healthy(raw: dict[str, Any], path: str) -> dict[str, Any]:
    """The members given. What they come to together with the defaults must be a plan that ends within the hour."""
    _only(raw, set(HEALTHY_DEFAULTS), f"{path}.")
    kept: dict[str, Any] = {}
    for name, value in raw.items():
        if value is None:
            continue
        if name == "backoffFunction":
            if value not in BACKOFF_FUNCTIONS:
                raise InvalidValue(FIELD, f"{path}.{name} must be one of {', '.join(BACKOFF_FUNCTIONS)}")
            kept[name] = value
        elif name.endswith("DelayTarget"):
            kept[name] = _whole(value, 1, DELAY_S_MAX, f"{path}.{name}")
        else:
            kept[name] = _whole(value, 0, RETRIES_MAX, f"{path}.{name}")
    merged = {**HEALTHY_DEFAULTS, **kept}
    if merged["minDelayTarget"] > merged["maxDelayTarget"]:
        raise InvalidValue(FIELD, f"{path}.minDelayTarget must be less than or equal to maxDelayTarget")
    plan = _plan(merged)
    if plan.backoff_count < 0:
        raise InvalidValue(
            FIELD,
            f"{path}.numRetries must be greater than or equal to the total of numNoDelayRetries,"
            " numMinDelayRetries and numMaxDelayRetries",
        )
    if sum(delay_s(plan, attempts) or 0.0 for attempts in range(1, plan.attempts_max)) > DELAY_S_MAX:
        raise InvalidValue(FIELD, f"{path} must not take longer than {DELAY_S_MAX} seconds in total")
    return kept


def _whole(value: Any, low: int, high: int, path: str) -> int:
    # bool is an int to Python, not to JSON.
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidValue(FIELD, f"{path} must be an integer")
    if value < low:
        raise InvalidValue(FIELD, f"{path} must be greater than or equal to {low}")
    if value > high:
        raise InvalidValue(FIELD, f"{path} must be less than or equal to {high}")
    return value


def _content_type(value: Any, path: str) -> str:
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or len(value) > 200:
        raise InvalidValue(FIELD, f"{path} must be a content type")
    if value.split(";", 1)[0].strip().lower() not in CONTENT_TYPES:
        raise InvalidValue(FIELD, f"{path} is not a supported content type", value)
    return value


def _only(raw: dict[str, Any], known: set[str], path: str) -> None:
    unknown = raw.keys() - known
    if unknown:
        raise InvalidValue(FIELD, f"{path}{min(unknown)[:100]} is not supported")


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
