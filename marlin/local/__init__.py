"""The parts of Marlin that stand in for an administrator: own servers, own supervisor, one command."""

from __future__ import annotations


class CannotServe(Exception):
    """Something on this machine stands in the way; the message says what, for the person at the terminal."""
