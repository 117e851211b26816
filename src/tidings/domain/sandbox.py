"""The SMS sandbox as values and rules: an account in it texts to numbers only whose owners gave back a one-time password.

Called by `services/texting/sms_sandbox`; the store keeps what is here. Pure.
Source: SNS developer guide, "SMS sandbox"; SNS API reference, CreateSMSSandboxPhoneNumber. What the cloud leaves open is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tidings.domain.model import AccountId

NUMBERS_MAX = 10
"""Of one account. Source: SNS developer guide, "Adding and verifying phone numbers in the SMS sandbox"."""
KEPT = timedelta(hours=24)
"""A verified number stays for so long. Source: the same."""
CODE_TTL = timedelta(minutes=15)
"""Source: the same."""
CODE_DIGITS = 6
SENDS_MAX = 5
SENDS_WINDOW = timedelta(hours=24)
"""Ours: one-time passwords to a number that has not given one back."""
TRIES_MAX = 5
"""Ours: guesses of one password."""


@dataclass(frozen=True, slots=True)
class SandboxNumber:
    """A number that an account in the sandbox named. `salt`, `digest`: of the password sent last. `sends`: since `created_at`, which
    begins anew with the window. `tries`: wrong guesses of that password."""

    account_id: AccountId
    phone: str
    created_at: datetime
    sent_at: datetime
    sends: int
    salt: bytes
    digest: bytes
    tries: int = 0
    verified_at: datetime | None = None


def may_send(number: SandboxNumber | None, now: datetime) -> bool:
    """Whether another password may be sent to it."""
    return number is None or number.sends < SENDS_MAX or now - number.created_at >= SENDS_WINDOW


def may_try(number: SandboxNumber, now: datetime) -> bool:
    """Whether its password still counts."""
    return number.tries < TRIES_MAX and now - number.sent_at < CODE_TTL


def may_delete(number: SandboxNumber, now: datetime) -> bool:
    return number.verified_at is None or now - number.verified_at >= KEPT


def code_text(code: str, language: str) -> str:
    """What the text says, in the language that was asked for (a tag of the API)."""
    return _TEXTS.get(language, _TEXTS["en-US"]).format(code=code)


_TEXTS = {
    "en-US": "Your verification code is {code}",
    "en-GB": "Your verification code is {code}",
    "es-419": "Tu código de verificación es {code}",
    "es-ES": "Su código de verificación es {code}",
    "de-DE": "Ihr Bestätigungscode lautet {code}",
    "fr-CA": "Votre code de vérification est {code}",
    "fr-FR": "Votre code de vérification est {code}",
    "it-IT": "Il codice di verifica è {code}",
    "ja-JP": "確認コードは {code} です",
    "pt-BR": "Seu código de verificação é {code}",
    "kr-KR": "인증 코드는 {code}입니다",
    "zh-CN": "您的验证码是 {code}",
    "zh-TW": "您的驗證碼是 {code}",
}
