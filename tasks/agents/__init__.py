"""How each coding agent is driven, and one vocabulary for what it did."""
