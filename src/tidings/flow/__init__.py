"""The flow: what moves accepted messages to delivery. `embedded` works over the embedded store's journal.

`wiring` opens one; services and delivery know it as `domain.ports.Flow`. It renders and sends nothing.
"""
