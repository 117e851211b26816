"""What an operator sees of a running house: structured logs and metrics. Imported by every room; imports none."""
