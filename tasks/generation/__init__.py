"""From a queued candidate to a stored one: prepare, run, take, test."""
