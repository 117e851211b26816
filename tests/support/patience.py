"""How long a test waits for what must happen: longer than the slowest machine needs, since only a test that fails waits so long."""

PATIENCE_S = 60.0
