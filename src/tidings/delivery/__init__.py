"""From the flow to the channels: lease, expand page by page, ask the gate, render, send, settle.

`dispatcher` is the one loop. It knows clouds only through `Envelopes` and ways out only through `Channel`.
"""
