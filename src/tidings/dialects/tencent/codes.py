"""What the codes of errors say, in the two languages of the cloud. Data: read by `errors`, and by operations that answer per number.

Our own words. `{0}`, `{1}` are facts. Source of the codes: Tencent Cloud API 3.0, "Common error codes"; SMS API reference, "Error codes".
"""

from __future__ import annotations

import enum


class Language(enum.StrEnum):
    """X-TC-Language. Only messages change with it."""

    CHINESE = "zh-CN"
    ENGLISH = "en-US"


COMMON: dict[str, tuple[str, str]] = {
    "ActionOffline": ("This action is no longer offered.", "该接口已下线。"),
    "AuthFailure.InvalidAuthorization": (
        "The Authorization header is not of the form TC3-HMAC-SHA256 Credential=..., SignedHeaders=..., Signature=...",
        "请求头部的 Authorization 不符合 TC3-HMAC-SHA256 的格式要求。",
    ),
    "AuthFailure.InvalidSecretId": ("This cannot be a SecretId.", "SecretId 格式不正确。"),
    "AuthFailure.SecretIdNotFound": (
        "The SecretId does not exist or has been disabled.",
        "SecretId 不存在或已被禁用。",
    ),
    "AuthFailure.SignatureExpire": (
        "The request was signed too long ago or for the future: the server's time is {0}, the request's {1}.",
        "签名已过期：服务器时间为 {0}，请求时间为 {1}。",
    ),
    "AuthFailure.SignatureFailure": (
        "The signature does not belong to this request and this SecretId.",
        "签名错误：签名与请求内容或密钥不匹配。",
    ),
    "AuthFailure.TokenFailure": ("The token is not valid.", "Token 无效。"),
    "AuthFailure.UnauthorizedOperation": ("You may not perform {0} on {1}.", "您没有在 {1} 上执行 {0} 的权限。"),
    "FailedOperation": ("The operation failed: {0}", "操作失败：{0}"),
    "InternalError": ("An internal error occurred.", "内部错误。"),
    "InvalidAction": ("The action {0} does not exist in version {1}.", "版本 {1} 中不存在接口 {0}。"),
    "InvalidParameter": ("The parameter {0} is not of the right type or form.", "参数 {0} 的类型或格式不正确。"),
    "InvalidParameterValue": ("The value of the parameter {0} is not acceptable: {1}", "参数 {0} 的取值不正确：{1}"),
    "LimitExceeded": ("A limit was reached: {0}", "超出配额限制：{0}"),
    "MissingParameter": ("The parameter {0} is required.", "缺少参数 {0}。"),
    "NoSuchProduct": ("There is no product {0} here.", "产品 {0} 不存在。"),
    "NoSuchVersion": ("The version {0} does not exist.", "接口版本 {0} 不存在。"),
    "RequestLimitExceeded": ("Too many requests: try again later.", "请求频率超出限制，请稍后重试。"),
    "RequestSizeLimitExceeded": ("The request is too large.", "请求包超过大小限制。"),
    "ResourceInUse": ("There is such a {0} already.", "资源已存在：{0}"),
    "ResourceNotFound": ("There is no such {0}.", "资源不存在：{0}"),
    "UnknownParameter": ("The parameter {0} is not known.", "未知参数 {0}。"),
    "UnsupportedOperation": ("This is not offered here: {0}", "不支持的操作：{0}"),
    "UnsupportedProtocol": ("Only GET and POST requests are taken.", "只支持 GET 和 POST 请求。"),
}

SENDING: dict[str, tuple[str, str]] = {
    "FailedOperation.MarketingSendTimeConstraint": (
        "Marketing messages are sent from 8:00 to 22:00 only.",
        "营销短信只能在 8 点到 22 点之间发送。",
    ),
    "FailedOperation.PhoneNumberInBlacklist": (
        "The number is on the do-not-disturb list: its user unsubscribed.",
        "手机号在免打扰名单中：用户已退订。",
    ),
    "FailedOperation.SignatureIncorrectOrUnapproved": (
        "The signature does not exist or is not approved.",
        "签名不存在或未通过审核。",
    ),
    "FailedOperation.TemplateIncorrectOrUnapproved": (
        "The template is not approved or its content differs.",
        "模板未通过审核或内容不匹配。",
    ),
    "FailedOperation.TemplateParamSetNotMatchApprovedTemplate": (
        "The number of parameters differs from the template's.",
        "模板参数的个数与模板不一致。",
    ),
    "FailedOperation.TemplateUnapprovedOrNotExist": (
        "The template does not exist or is not approved.",
        "模板不存在或未通过审核。",
    ),
    "InvalidParameterValue.ContentLengthLimit": ("The message is too long.", "短信内容过长。"),
    "InvalidParameterValue.IncorrectPhoneNumber": ("This is not a phone number.", "手机号格式错误。"),
    "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter": (
        "URLs are not allowed in template parameters.",
        "模板变量中不允许使用 URL。",
    ),
    "InvalidParameterValue.SdkAppIdNotExist": ("The SdkAppId does not exist.", "SdkAppId 不存在。"),
    "InvalidParameterValue.TemplateParameterFormatError": (
        "The parameter of a verification code must be 0 to 6 digits.",
        "验证码模板参数只能为 0 到 6 位数字。",
    ),
    "InvalidParameterValue.TemplateParameterLengthLimit": ("A template parameter is too long.", "模板变量过长。"),
    "LimitExceeded.AppCountryOrRegionInBlacklist": (
        "The application may not send to this country or region.",
        "应用不允许向该国家或地区发送。",
    ),
    "LimitExceeded.DeliveryFrequencyLimit": ("Too many messages.", "短信发送频率超出限制。"),
    "LimitExceeded.PhoneNumberCountLimit": (
        "At most {0} phone numbers are taken in one call.",
        "单次请求最多支持 {0} 个手机号。",
    ),
    "LimitExceeded.PhoneNumberDailyLimit": ("Too many messages to this number in a day.", "该手机号当日短信条数超限。"),
    "LimitExceeded.PhoneNumberOneHourLimit": (
        "Too many messages to this number in an hour.",
        "该手机号一小时内短信条数超限。",
    ),
    "LimitExceeded.PhoneNumberSameContentDailyLimit": (
        "Too many equal messages to this number in a day.",
        "该手机号当日相同内容短信条数超限。",
    ),
    "LimitExceeded.PhoneNumberThirtySecondLimit": (
        "Too many messages to this number in 30 seconds.",
        "该手机号 30 秒内短信条数超限。",
    ),
    "MissingParameter.EmptyPhoneNumberSet": ("PhoneNumberSet is empty.", "PhoneNumberSet 为空。"),
    "UnauthorizedOperation.SmsSdkAppIdVerifyFail": (
        "The SmsSdkAppId does not belong to this account.",
        "SmsSdkAppId 不属于该账号。",
    ),
    "UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone": (
        "A template for mainland China cannot be sent to this number.",
        "国内短信模板不能发送到国际/港澳台手机号。",
    ),
    "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber": (
        "Numbers of mainland China and others cannot be in one call.",
        "同一请求中不能同时包含国内和国际/港澳台手机号。",
    ),
    "UnsupportedOperation.ContainDomesticPhoneNumber": (
        "Numbers of mainland China are not taken here.",
        "不支持国内手机号。",
    ),
    "UnsupportedOperation.GlobalTemplateToChineseMainlandPhone": (
        "A global template cannot be sent to a number of mainland China.",
        "国际/港澳台短信模板不能发送到国内手机号。",
    ),
}

MANAGING: dict[str, tuple[str, str]] = {
    "FailedOperation.MissingSignatureToModify": ("There is no such signature to modify.", "要修改的签名不存在。"),
    "FailedOperation.MissingTemplateToModify": ("There is no such template to modify.", "要修改的模板不存在。"),
    "FailedOperation.SignIdNotExist": ("The SignId does not exist.", "签名 ID 不存在。"),
    "FailedOperation.SignNumberLimit": ("There are too many signatures.", "签名个数达到上限。"),
    "FailedOperation.TemplateAlreadyPassedCheck": (
        "An approved template cannot be modified.",
        "模板已通过审核，不能修改。",
    ),
    "FailedOperation.TemplateIdNotExist": ("The TemplateId does not exist.", "模板 ID 不存在。"),
    "FailedOperation.TemplateNumberLimit": ("There are too many templates.", "模板个数达到上限。"),
    "InvalidParameterValue.BeginTimeVerifyFail": ("BeginTime is not acceptable.", "参数 BeginTime 不正确。"),
    "InvalidParameterValue.EndTimeVerifyFail": ("EndTime is not acceptable.", "参数 EndTime 不正确。"),
    "InvalidParameterValue.ImageInvalid": ("The image is not base64, or too large.", "图片不是 base64 格式或过大。"),
    "InvalidParameterValue.InvalidDocumentType": (
        "DocumentType is not acceptable for this SignType.",
        "参数 DocumentType 与 SignType 不对应。",
    ),
    "InvalidParameterValue.InvalidInboundAddress": (
        "This cannot be an inbound address.",
        "上行地址格式不正确。",
    ),
    "InvalidParameterValue.InvalidInternational": ("International is not acceptable.", "参数 International 不正确。"),
    "InvalidParameterValue.InvalidSignPurpose": ("SignPurpose is not acceptable.", "参数 SignPurpose 不正确。"),
    "InvalidParameterValue.InvalidSmsType": ("SmsType is not acceptable.", "参数 SmsType 不正确。"),
    "InvalidParameterValue.InvalidTemplateFormat": ("The template's text is malformed.", "模板格式错误。"),
    "InvalidParameterValue.KeywordConflict": (
        "A keyword is not acceptable, or is in two sets: {0}",
        "关键词不正确或同时属于两个集合：{0}",
    ),
    "InvalidParameterValue.LimitVerifyFail": ("Limit is not acceptable.", "参数 Limit 不正确。"),
    "InvalidParameterValue.MarketingTemplateWithoutUnsubscribe": (
        "A marketing template must say how to unsubscribe.",
        "营销短信模板必须包含退订方式。",
    ),
    "InvalidParameterValue.MultiSmsInfoSetEmpty": ("MultiSmsInfoSet is empty.", "MultiSmsInfoSet 为空。"),
    "InvalidParameterValue.OffsetVerifyFail": ("Offset is not acceptable.", "参数 Offset 不正确。"),
    "InvalidParameterValue.SignAlreadyPassedCheck": (
        "An approved signature cannot be modified.",
        "签名已通过审核，不能修改。",
    ),
    "InvalidParameterValue.SignExistAndUnapproved": ("There is such a signature already.", "已存在相同的签名。"),
    "InvalidParameterValue.SignNameLengthTooLong": ("The signature is too long.", "签名内容过长。"),
    "ResourceInUse.InboundAddressExist": ("There is such an inbound address already.", "上行地址已存在。"),
    "ResourceNotFound.InboundAddressNotExist": ("There is no such inbound address.", "上行地址不存在。"),
}

TEXTS = COMMON | SENDING | MANAGING


def text_of(code: str, language: Language, *facts: str) -> str:
    """What a code says. Raises KeyError for a code that is not here: a bug."""
    english, chinese = TEXTS[code]
    return (chinese if language is Language.CHINESE else english).format(*facts)
