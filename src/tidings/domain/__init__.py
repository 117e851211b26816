"""The lowest layer: what the product talks about, and its rules as pure functions.

Standard library only, and of that no I/O, no clock and no randomness: time, ids and secrets are handed in.
"""
