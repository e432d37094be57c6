"""The version of what is rendered. A page process reads it and imports nothing else of this package."""

VERSION = 7  # counts up whenever the same patches would give other bytes
