"""The store: registry, ledger and accepted messages, durable. One sub-package per database.

`wiring` opens one; services, access and delivery know it as `domain.ports.Store`. The flow gets its journal.
"""
