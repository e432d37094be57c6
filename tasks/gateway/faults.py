"""What a provider's refusal means: whose fault it is, and whether asking again makes sense."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from tasks.models import Outcome

TOO_LONG = re.compile(
    r"prompt is too long|context_length_exceeded|maximum context length|context window|input is too long"
    r"|exceeds the maximum number of tokens|request_too_large|input token count",
    re.IGNORECASE,
)
NO_MONEY = re.compile(
    r"insufficient_quota|credit balance|billing_(?:error|hard_limit|not_active)|exceeded your current quota",
    re.I,
)
#: Characters of a provider's own words that an admin is shown.
MOST_WORDS = 200


@dataclass(frozen=True)
class Judged:
    outcome: Outcome
    sentence: str
    #: Nobody's request can succeed until an admin has done something.
    stops_provider: bool = False


def judge(status: int, answer: bytes) -> Judged:
    """Of an answer that is not 2xx."""
    text = answer.decode("utf-8", "replace")
    told = _words(text)
    if status in (401, 402) or NO_MONEY.search(text):
        return Judged(
            Outcome.REFUSED, f"The provider refuses our key or our account ({status}): {told}", True
        )
    if status in (403, 404) or 300 <= status < 400:
        return Judged(Outcome.REFUSED, f"The provider refuses this model or address ({status}): {told}")
    if status in (400, 413, 422) and TOO_LONG.search(text):
        return Judged(Outcome.TOO_LONG, f"The conversation is longer than the model takes ({status}).")
    if status in (408, 425, 429) or status >= 500:
        return Judged(Outcome.PROVIDER, f"The provider answered {status}: {told}")
    return Judged(Outcome.REQUEST, f"The provider could not use the agent's request ({status}): {told}")


def _words(text: str) -> str:
    """The kind of error and no more: a message may quote the prompt."""
    try:
        error = json.loads(text).get("error", {})
        kind = (
            error.get("code") or error.get("type") or error.get("status")
            if isinstance(error, dict)
            else error
        )
    except (ValueError, AttributeError):
        kind = None
    return f"{kind}."[:MOST_WORDS] if kind else "it gave no reason that we can read."
