"""TLS to an SMSC. Called by whoever connects: `channels/sms` and `tidings doctor`.

Source: Python documentation, "ssl", security considerations.
"""

from __future__ import annotations

import ssl

from tidings.wire.smpp.url import SmppUrl


def context_of(url: SmppUrl) -> ssl.SSLContext | None:
    """What to connect with; None: in clear. Raises OSError (ssl.SSLError too): the file of authorities cannot be read.

    TLS 1.2 at least. The certificate must be valid for the host of the URL.
    """
    if not url.is_tls:
        return None
    context = ssl.create_default_context(cafile=url.ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
