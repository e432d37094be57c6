"""The ground both apps stand on: people, states, events, settings."""

__version__ = "0.1.0"
