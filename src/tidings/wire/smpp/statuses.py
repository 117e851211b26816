"""What SMPP's command_status says: its name for people, and whether another attempt could end otherwise.

Called by `channels/sms`. Source: SMPP 3.4 section 5.1.3.
"""

from __future__ import annotations

OK = 0x00
INVALID_LENGTH = 0x02
INVALID_COMMAND = 0x03
QUEUE_FULL = 0x14
THROTTLED = 0x58
TEMPORARY_FAILURE = 0x64
PERMANENT_FAILURE = 0x65
REJECTED = 0x66

CONGESTED = frozenset({QUEUE_FULL, THROTTLED})
"""The SMSC wants fewer texts for a while."""

NAMES = {
    0x00: "ESME_ROK",
    0x01: "ESME_RINVMSGLEN",
    0x02: "ESME_RINVCMDLEN",
    0x03: "ESME_RINVCMDID",
    0x04: "ESME_RINVBNDSTS",
    0x05: "ESME_RALYBND",
    0x06: "ESME_RINVPRTFLG",
    0x07: "ESME_RINVREGDLVFLG",
    0x08: "ESME_RSYSERR",
    0x0A: "ESME_RINVSRCADR",
    0x0B: "ESME_RINVDSTADR",
    0x0C: "ESME_RINVMSGID",
    0x0D: "ESME_RBINDFAIL",
    0x0E: "ESME_RINVPASWD",
    0x0F: "ESME_RINVSYSID",
    0x11: "ESME_RCANCELFAIL",
    0x13: "ESME_RREPLACEFAIL",
    0x14: "ESME_RMSGQFUL",
    0x15: "ESME_RINVSERTYP",
    0x33: "ESME_RINVNUMDESTS",
    0x34: "ESME_RINVDLNAME",
    0x40: "ESME_RINVDESTFLAG",
    0x42: "ESME_RINVSUBREP",
    0x43: "ESME_RINVESMCLASS",
    0x44: "ESME_RCNTSUBDL",
    0x45: "ESME_RSUBMITFAIL",
    0x48: "ESME_RINVSRCTON",
    0x49: "ESME_RINVSRCNPI",
    0x50: "ESME_RINVDSTTON",
    0x51: "ESME_RINVDSTNPI",
    0x53: "ESME_RINVSYSTYP",
    0x54: "ESME_RINVREPFLAG",
    0x55: "ESME_RINVNUMMSGS",
    0x58: "ESME_RTHROTTLED",
    0x61: "ESME_RINVSCHED",
    0x62: "ESME_RINVEXPIRY",
    0x63: "ESME_RINVDFTMSGID",
    0x64: "ESME_RX_T_APPN",
    0x65: "ESME_RX_P_APPN",
    0x66: "ESME_RX_R_APPN",
    0x67: "ESME_RQUERYFAIL",
    0xC0: "ESME_RINVOPTPARSTREAM",
    0xC1: "ESME_ROPTPARNOTALLWD",
    0xC2: "ESME_RINVPARLEN",
    0xC3: "ESME_RMISSINGOPTPARAM",
    0xC4: "ESME_RINVOPTPARAMVAL",
    0xFE: "ESME_RDELIVERYFAILURE",
    0xFF: "ESME_RUNKNOWNERR",
}

_WORTH_ANOTHER = frozenset({0x04, 0x05, 0x08, 0x0D, 0x0E, 0x0F, 0x14, 0x45, 0x58, 0x64, 0xFE, 0xFF})


def name(status: int) -> str:
    """`ESME_RTHROTTLED (0x58)`; of an unknown one the number."""
    known = NAMES.get(status)
    return f"{known} (0x{status:02X})" if known else f"status 0x{status:08X}"


def is_permanent(status: int) -> bool:
    """Whether the text itself is at fault. A status that the specification does not name is not taken for final."""
    return status in NAMES and status not in _WORTH_ANOTHER
