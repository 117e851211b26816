"""Operations that this server does not have are told apart from wrong paths."""

from __future__ import annotations

import pytest
from tests.support.smn import PROJECT, Http

from tidings.dialects.smn import not_implemented
from tidings.dialects.smn.calls import Route


@pytest.mark.parametrize("route", not_implemented.ROUTES, ids=lambda route: route.operation)
def test_an_operation_that_is_not_offered_says_so(http: Http, route: Route) -> None:
    path = "/" + route.path.replace("{project_id}", PROJECT).replace("{", "").replace("}", "")
    reply = http(route.method, path)
    assert (reply.status, reply.code) == (501, "SMN.0018")
    assert reply.body["message"] == f"{route.operation} is not offered by this server."
    stranger = http(route.method, path, token="")
    assert (stranger.status, stranger.code) == (401, "APIG.0301")
