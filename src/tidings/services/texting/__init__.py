"""Texts: who may be texted, who is opted out, what is sent and what comes in. Each module holds one object with one task; wiring makes
them and hands each to whoever needs it.
"""
