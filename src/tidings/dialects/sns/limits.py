"""SNS's numbers and fixed words, each with its source. Read by the files of this folder only."""

from __future__ import annotations

from tidings.domain.optout import SmsType

NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"
"""Source: SNS service model (xmlNamespace)."""

VERSION = "2010-03-31"
SERVICE = "sns"
DIALECT = "sns"

PARAMETERS_MAX = 10_000
"""Ours: the largest legitimate request is a batch of ten with a few hundred attributes each."""

INDEX_DIGITS_MAX = 6
"""Ours: indices of lists and maps; gaps are allowed, so only their length is bounded."""

ECHO_CHARACTERS_MAX = 256
"""Ours: how much of a wrong value an error message repeats."""

CONSTRAINT_ECHO_CHARACTERS_MAX = 2048
"""Ours: the same where the model's lengths and patterns are at issue, whose messages quote the whole value."""

PAGE_ITEMS = 100
"""Source: SNS API reference, ListTopics, ListSubscriptions, ListSubscriptionsByTopic."""

PROTOCOL_CHARACTERS_MAX = 32
"""Ours: a longer word is no protocol's, and is not compared with policies."""

TOPIC_NAME_CHARACTERS_MAX = 256
FIFO_SUFFIX = ".fifo"
"""Source: SNS API reference, CreateTopic."""

DISPLAY_NAME_CHARACTERS_MAX = 100
"""Source: SNS developer guide, "Creating an Amazon SNS topic"."""

SUBJECT_CHARACTERS_MAX = 100
"""Source: SNS API reference, Publish (under 100 characters; 100 are taken, as observed)."""

MESSAGE_BYTES_DEFAULT = 262_144
MESSAGE_BYTES_MIN = 1_024
MESSAGE_BYTES_MAX = 1_048_576
LARGE_TOPIC_SUBSCRIPTIONS_MAX = 100
LARGE_TOPIC_PROTOCOLS = frozenset({"sqs", "firehose", "lambda"})
"""Source: SNS API reference, SetTopicAttributes, MaximumMessageSize."""

BATCH_ENTRIES_MAX = 10
BATCH_ID_CHARACTERS_MAX = 80
"""Source: SNS API reference, PublishBatch."""

ATTRIBUTE_NAME_CHARACTERS_MAX = 256
ATTRIBUTE_NUMBER_CHARACTERS_MAX = 100
"""Source for the name: SNS developer guide, "Amazon SNS message attributes"; the number's length is ours."""

SMS_CHARACTERS_MAX = 1600
"""Source: SNS API reference, Publish (PhoneNumber)."""

TRACE_HEADER_CHARACTERS_MAX = 1024
"""Ours: a longer X-Amzn-Trace-Id is nobody's, and is dropped."""

GROUP_ID_CHARACTERS_MAX = 128
"""Source: SNS API reference, Publish (MessageGroupId, MessageDeduplicationId)."""

TAG_KEY_CHARACTERS_MAX = 128
TAG_VALUE_CHARACTERS_MAX = 256
TAGS_MAX = 50
RESOURCE_ARN_CHARACTERS_MAX = 1011
"""Source: SNS API reference, Tag, TagResource; SNS service model (AmazonResourceName)."""

LABEL_CHARACTERS_MAX = 256
"""Ours: a statement's label; the policy's 30 KB bound the rest."""

PRESIGNED_S_MAX = 604_800
"""Source: IAM user guide, "Create a signed AWS API request" (X-Amz-Expires)."""

CLOCK_SKEW_S = 900
"""Observed: SNS refuses what was signed more than 15 minutes ago (aws/aws-sdk-js issue 1174)."""

OFFERED_PROTOCOLS = frozenset({"http", "https", "email", "email-json", "sms", "sqs"})
KNOWN_PROTOCOLS = OFFERED_PROTOCOLS | {"lambda", "firehose", "application"}
"""Source: SNS API reference, Subscribe."""

BODY_KEYS = KNOWN_PROTOCOLS
"""Keys of a structured message that replace its default text. Source: SNS API reference, Publish, MessageStructure."""

RAW_PROTOCOLS = frozenset({"sqs", "http", "https", "firehose"})
"""Source: SNS API reference, SetSubscriptionAttributes, RawMessageDelivery."""

SMS_TYPES = {"Promotional": SmsType.MARKETING, "Transactional": SmsType.NOTIFICATION}
SMS_TYPE_DEFAULT = "Promotional"
"""Values of AWS.SNS.SMS.SMSType and DefaultSMSType, and what we call them. Source: SNS API reference, SetSMSAttributes."""

SMS_REGIONS_MAX = 100
"""Ours: regions besides the home region in which an account may set attributes of its texts; a region is any name."""

SMS_SPEND_DIGITS_MAX = 9
"""Ours: digits before the point of MonthlySpendLimit."""

OPT_IN_AGAIN_DAYS = 30
"""Source: SNS API reference, OptInPhoneNumber."""

OPT_IN_DETAIL = "OptInPhoneNumber"
"""Ours: the reason in the ledger by which the next OptInPhoneNumber finds the last."""

OPT_IN_RECORDS_MAX = 1000
"""Ours: opt-ins of one number by API within a month that are looked through."""

ORIGINATION_NUMBERS_MAX = 30
"""Source: SNS API reference, ListOriginationNumbers (MaxResults)."""

SANDBOX_NUMBERS_MAX = 100
"""Source: SNS API reference, ListSMSSandboxPhoneNumbers (MaxResults)."""

SANDBOX_NUMBER_CHARACTERS_MAX = 20
PASSWORD_DIGITS = (5, 8)
"""Source: SNS service model (PhoneNumberString, OTPCode)."""

SANDBOX_LANGUAGES = (
    "en-US", "en-GB", "es-419", "es-ES", "de-DE", "fr-CA", "fr-FR", "it-IT", "ja-JP", "pt-BR", "kr-KR", "zh-CN", "zh-TW",
)  # fmt: skip
"""The first is the default. Source: SNS API reference, CreateSMSSandboxPhoneNumber (kr-KR as printed there)."""
