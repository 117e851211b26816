"""SMN's own numbers, each with its source: what a caller meets, not what the core bounds.

Sizes are bytes of UTF-8 unless characters are said. Source where none is named: SMN user guide, "Notes and Constraints".
"""

from __future__ import annotations

DIALECT = "smn"
PREFIX = "smn:"
"""Before the names of settings of topics and subscriptions that are SMN's."""

TOPIC_NAME_CHARACTERS_MAX = 255
DISPLAY_NAME_BYTES_MAX = 192
INTRODUCTION_BYTES_MAX = 120
POLICY_BYTES_MAX = 30 * 1024
REMARK_BYTES_MAX = 128
SUBJECT_BYTES_MAX = 512
MESSAGE_BYTES_MAX = 256 * 1024
TEMPLATE_NAME_CHARACTERS_MAX = 64
VARIABLE_CHARACTERS_MAX = 21
VARIABLES_MAX = 90
VARIABLE_OCCURRENCES_MAX = 256
TAG_VALUE_BYTES_MAX = 1024
"""Of a value that fills a template."""
PAGE_MAX = 100
BATCH_ADD_MAX = 50
BATCH_DELETE_MAX = 100
TTL_DEFAULT_S = 3_600
TTL_MAX_S = 604_800
"""The older page allows a week, the newer a day; a client written for either works."""
TOKEN_TTL_S = 86_400
SMS_CHARACTERS_MAX = 1_000
ATTRIBUTE_NAME_CHARACTERS_MAX = 32
ATTRIBUTE_VALUE_CHARACTERS_MAX = 32
ATTRIBUTE_VALUES_MAX = 10
"""Of a message. Source: SMN API reference, "Publishing Messages in the Text Format"."""
STATISTICS_DAYS_MAX = 31
HTTP_TIMEOUT_S = 5.0
"""Source: SMN FAQ, "Does SMN Ensure That Messages Are Received by Subscription Endpoints?"."""
HTTP_RETRIES = 6
SKEW_S = 900
RESOURCE_TAGS_MAX = 20
RESOURCE_TAG_KEY_CHARACTERS_MAX = 128
RESOURCE_TAG_VALUE_CHARACTERS_MAX = 256

BOT_PROTOCOLS = ("dingding", "feishu", "welink", "wechat")
PROTOCOLS = ("email", "sms", "http", "https", *BOT_PROTOCOLS)
"""What this server offers, as ListProtocols shows it."""
KNOWN_PROTOCOLS = frozenset({*PROTOCOLS, "functionstage", "functiongraph", "callnotify", "application", "dingTalkBot"})
"""What the service has; those that are not offered are refused with the documented code."""
TEMPLATE_PROTOCOLS = frozenset({"default", "email", "sms", "http", "https", "functionstage"})
"""Source: SMN API reference, "Creating a Message Template"."""
