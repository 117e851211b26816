"""What the API speaks and offers: its versions, protocols, and the cloud services that publish by themselves.

Source: SMN API reference, "Listing All SMN API Versions", "Querying the SMN API v2 Version".
"""

from __future__ import annotations

from typing import Any

from tidings.dialects.smn.calls import Answer, Call, Route, SmnServices, done
from tidings.dialects.smn.limits import PROTOCOLS

UPDATED = "2018-09-15T00:00:00Z"


async def list_versions(services: SmnServices, call: Call) -> Answer:
    """ListVersions: asked without credentials."""
    return Answer(200, {"versions": [_version(services)]}, with_request_id=False)


async def list_version(services: SmnServices, call: Call) -> Answer:
    """ListVersion: the one there is, asked without credentials."""
    return Answer(200, {"version": _version(services)}, with_request_id=False)


async def list_protocols(services: SmnServices, call: Call) -> Answer:
    """ListProtocols."""
    return done(protocols=list(PROTOCOLS))


async def list_cloud_services(services: SmnServices, call: Call) -> Answer:
    """ListCloudService(s): no other service of a cloud runs here that could publish."""
    return done(cloud_services=[])


def _version(services: SmnServices) -> dict[str, Any]:
    return {
        "id": "v2",
        "links": [{"href": f"{services.public_url}/v2/", "rel": "self"}],
        "min_version": "",
        "status": "CURRENT",
        "updated": UPDATED,
        "version": "",
    }


ROUTES: tuple[Route, ...] = (
    Route("GET", "", "ListVersions", list_versions, public=True),
    Route("GET", "v2", "ListVersion", list_version, public=True),
    Route("GET", "v2/notifications/protocols", "ListProtocols", list_protocols),
    Route("GET", "v2/notifications/cloud_service", "ListCloudService", list_cloud_services),
    Route("GET", "v2/notifications/cloud-services", "ListCloudServices", list_cloud_services),
)
