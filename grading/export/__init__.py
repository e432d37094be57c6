"""Preferences for researchers: the one place, beside results, where names and verdicts meet."""
