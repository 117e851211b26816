"""What an operator sees of a running server: structured logs and metrics. Imported by every package; imports none."""
