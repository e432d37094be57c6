"""The model gateway: agents know one model called `candidate`; who serves it, and with which key, is known here."""
