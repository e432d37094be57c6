"""Lifetimes as people write them."""

import re

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
PART = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")


def seconds(text: str) -> float:
    """Seconds in a text such as "90", "5m" or "1h 30m"; ValueError when it is not one."""
    text = text.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    parts = PART.findall(text)
    if not parts or PART.sub("", text).strip():
        raise ValueError("not a lifetime: " + repr(text))
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def written(length: float) -> str:
    """The largest units that say `length`: 5400 is "1h 30m"."""
    whole = int(length)
    words = []
    for unit in ("d", "h", "m", "s"):
        count, whole = divmod(whole, UNITS[unit])
        if count:
            words.append(f"{count}{unit}")
    return " ".join(words) or "0s"
