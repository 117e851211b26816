"""Ways out: one folder each; none imports another."""
