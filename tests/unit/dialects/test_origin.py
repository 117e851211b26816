"""What ledger and audit trail keep of a request, whichever front end it came to."""

from __future__ import annotations

from tidings.dialects.contract import WireRequest, origin_of
from tidings.dialects.native import routing as native_routing
from tidings.domain.model import AccountId, Origin, Principal, Role, Way


def request(user_agent: str) -> WireRequest:
    headers = {"user-agent": user_agent}
    return WireRequest("POST", "/", "", headers, b"", "192.0.2.7", "https", "tidings.example", "r-1")


CALLER = Principal(AccountId("000000000000"), "ann", Role.OWNER, "AKIDEXAMPLE")


def test_a_signed_request_names_its_caller_and_key():
    assert origin_of(request("curl/8"), Way.API, "sns", CALLER) == Origin(
        Way.API,
        "arn:aws:iam::000000000000:user/ann",
        "192.0.2.7",
        "curl/8",
        "r-1",
        via="sns",
        key_id="AKIDEXAMPLE",
    )


def test_an_unsigned_request_names_nobody():
    assert origin_of(request(""), Way.LINK, shown="cancel/en/3") == Origin(
        Way.LINK, "", "192.0.2.7", "", "r-1", "cancel/en/3"
    )


def test_every_front_end_keeps_as_much_of_a_user_agent():
    long = request("x" * 2000)
    kept = origin_of(long, Way.API).user_agent
    assert len(kept) == 512
    assert native_routing.origin_of(long).user_agent == kept
