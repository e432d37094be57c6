"""Checks with libraries too large for the gate: `make test-formats`."""
