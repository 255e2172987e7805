"""How long a test waits for what must come: a busy machine is no failure; what is seen ends the wait."""

PATIENCE_S = 60.0
