"""Writes phones that are opted out in today's canonical form when the data on numbering plans has changed: at a start, once.

Called by `database` after the migrations. What an earlier release writes later is found all the same, because a person is asked for under
every form; but only one row for a person can be lifted by one START. The ledger stays as it was written.
"""

from __future__ import annotations

from collections.abc import Mapping

import apsw

from tidings.wire import phone_plans

_PHONES_AT_ONCE = 50_000

Queries = Mapping[str, str]


def respell(connection: apsw.Connection, queries: Queries) -> int:
    """How many phones were written anew, in one transaction. Some seconds for ten million the first time, nothing after that."""
    version = phone_plans.version()
    if _is_done(connection, queries, version):
        return 0
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been faster.
        found = 0 if _is_done(connection, queries, version) else _respell(connection, queries)
        connection.execute(queries["number_plans_put"], (version,))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return found


def _is_done(connection: apsw.Connection, queries: Queries, version: str) -> bool:
    return connection.execute(queries["number_plans_version"]).fetchall() == [(version,)]


def _respell(connection: apsw.Connection, queries: Queries) -> int:
    after, changed = "", 0
    while True:
        phones = [
            str(row[0]) for row in connection.execute(queries["opt_out_phones"], (after, _PHONES_AT_ONCE)).fetchall()
        ]
        for phone in phones:
            canonical = phone_plans.canonical(phone)
            if canonical != phone:
                changed += 1
                for name in ("opt_out_outdated", "opt_out_respell", "opt_out_forget"):
                    connection.execute(queries[name], (phone, canonical))
        if len(phones) < _PHONES_AT_ONCE:
            return changed
        after = phones[-1]
