"""What was given from outside: by developer mode, a provisioning file or the settings. Pure values.

Kept so that a value that was applied once is not applied again when somebody has rotated it since: only a new value in the file counts.
And so that what developer mode made, which everybody knows, is known as such when the same data is served in earnest.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from tidings.domain.model import AccountId


class Source(enum.StrEnum):
    """Who gave it. Each remembers what it gave last, whatever the others did."""

    DEV = "dev"  # developer mode's well-known values
    SETTINGS = "settings"  # TIDINGS_PASSWORD and its like
    PROVISION = "provision"  # the file of --provision
    APPLY = "apply"  # the file of `tidings apply`


class Credential(enum.StrEnum):
    PASSWORD = "password"  # noqa: S105  of a user, by its name
    KEY_SECRET = "key-secret"  # noqa: S105  of an access key, by its id
    CALLBACK_SECRET = "callback-secret"  # noqa: S105  of an application of texting, by its id


@dataclass(frozen=True, slots=True)
class Provisioned:
    """A password or secret that a source gave. `digest`: argon2 of it, never itself."""

    kind: Credential
    account_id: AccountId
    name: str
    source: Source
    digest: str
    at: datetime
