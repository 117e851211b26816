"""A session of the console, as it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tidings.domain.model import AccountId


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody is signed in. `digest`: SHA-256 of the cookie's text. `mark`: over what of the user ends the session when it changes.

    `used_at`: to the minute. `ends_at`: when it ends if it is not used before; `expires_at`: when it ends in any case. `remote_address`,
    `user_agent`: of the use that was written down last.
    """

    digest: bytes
    account_id: AccountId
    user: str
    mark: bytes
    begun_at: datetime
    used_at: datetime
    ends_at: datetime
    expires_at: datetime
    remote_address: str
    user_agent: str

    @property
    def id(self) -> str:
        """Names it in lists and calls; nobody can sign in with it. 32 hex digits."""
        return self.digest.hex()[:32]
