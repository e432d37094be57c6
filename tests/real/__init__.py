"""Real agents driven by a scripted provider. Optional: they must be installed first (`make test-agents`)."""
