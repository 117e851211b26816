"""Tencent Cloud SMS's own numbers and names, each with its source: what a caller meets, not what the core bounds.

Source where none is named: Tencent Cloud API 3.0, "Request structure" and "Signature"; SMS API reference, version 2021-01-11.
"""

from __future__ import annotations

DIALECT = "tencent"
SERVICE = "sms"
"""In the scope of a signature, and before the names of actions in permissions."""

VERSION = "2021-01-11"
MANAGEMENT_VERSION = "2026-11-01"
"""Our own operations in the same form (opt-outs, which the cloud manages by its console only): a version of their own, so that
no name the cloud may add can clash."""
VERSIONS = frozenset({VERSION, MANAGEMENT_VERSION})

SKEW_S = 300
GET_BYTES_MAX = 32 * 1024
FORM_BYTES_MAX = 1024 * 1024
JSON_BYTES_MAX = 10 * 1024 * 1024
FIELDS_MAX = 10_000
"""Of a query or a form: 200 numbers with all that SendMultiGlobalSms knows of each, and room."""
SEGMENTS_MAX = 8
"""Of a flattened name such as `MultiSmsInfoSet.0.TemplateParamSet.0`."""
NAME_CHARACTERS_MAX = 256
ECHO_CHARACTERS_MAX = 64
NUMBERS_MAX = 200
"""Phone numbers in one call."""
SESSION_BYTES_MAX = 511
CONTENT_CHARACTERS_MAX = 500
"""Of a text with its sign and parameters filled in. Source: SMS billing overview."""
PARAMETER_CHARACTERS_MAX = CONTENT_CHARACTERS_MAX
"""Of a value that fills a template. The cloud's own 12 are for private persons; a company's have no bound but the text's.
Source: SMS body template review standards."""
CODE_DIGITS_MAX = 6
"""Of a value in a verification code template. Source: SMS body template review standards."""
MARKETING_FROM_HOUR, MARKETING_UNTIL_HOUR = 8, 22
"""In mainland China."""
PULL_MAX = 100
PULL_DAYS_MAX = 7
CALLBACK_STATISTICS_DAYS_MAX = 32
PACKAGES_MAX = 500
