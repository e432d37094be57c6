"""What a provider's refusal means: whose fault it is, and whether asking again makes sense."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from tasks.models import Outcome

TOO_LONG = re.compile(
    r"prompt is too long|context_length_exceeded|maximum context length|context window|input is too long"
    r"|exceeds the maximum number of tokens|request_too_large|input token count",
    re.IGNORECASE,
)
#: Kinds of error that say that an account is empty. The messages beside them are no evidence: they may quote the agent.
NO_MONEY = frozenset(
    {"insufficient_quota", "billing_error", "billing_hard_limit_reached", "billing_not_active"}
)
#: Where the kind does not say it, the message begins so (Anthropic).
CREDIT = re.compile(r"Your credit balance is too low")
#: The kind is a general one, and a detail beside it names the key (Gemini).
BAD_KEY = "API_KEY_INVALID"
#: Characters of a provider's own words that an admin is shown.
MOST_WORDS = 200


@dataclass(frozen=True)
class Judged:
    outcome: Outcome
    sentence: str
    #: Nobody's request can succeed until an admin has done something. Of REFUSED it is only known once a request of our
    #: own was refused as well: what an agent asks for can be refused with any status.
    stops_provider: bool = False


def judge(status: int, answer: bytes) -> Judged:
    """Of an answer that is not 2xx."""
    text = answer.decode("utf-8", "replace")
    error = _error(text)
    told = _kind(error)
    if status in (401, 402, 403) or _is_about_us(error):
        return Judged(
            Outcome.REFUSED, f"The provider refuses our key or our account ({status}): {told}", True
        )
    if status == 404 or 300 <= status < 400:
        return Judged(Outcome.REFUSED, f"The provider refuses this model or address ({status}): {told}")
    if status in (400, 413, 422) and TOO_LONG.search(text):
        return Judged(Outcome.TOO_LONG, f"The conversation is longer than the model takes ({status}).")
    if status in (408, 425, 429) or status >= 500:
        return Judged(Outcome.PROVIDER, f"The provider answered {status}: {told}")
    return Judged(Outcome.REQUEST, f"The provider could not use the agent's request ({status}): {told}")


def only_this(judged: Judged) -> Judged:
    """What is left of a refusal when a request of our own is answered: the agent asks for what it cannot have."""
    return Judged(Outcome.REQUEST, f"It refuses this request, and answers another of ours. {judged.sentence}")


def _error(text: str) -> dict[str, Any]:
    try:
        error = json.loads(text).get("error", {})
    except (ValueError, AttributeError):
        return {}
    return error if isinstance(error, dict) else {"code": error}


def _is_about_us(error: dict[str, Any]) -> bool:
    details = error.get("details")
    reasons = (
        [each.get("reason") for each in details if isinstance(each, dict)]
        if isinstance(details, list)
        else []
    )
    return (
        not NO_MONEY.isdisjoint({str(error.get("code")), str(error.get("type"))})
        or CREDIT.match(str(error.get("message"))) is not None
        or BAD_KEY in reasons
    )


def _kind(error: dict[str, Any]) -> str:
    """The kind of error and no more: a message may quote the prompt."""
    kind = error.get("code") or error.get("type") or error.get("status")
    return f"{kind}."[:MOST_WORDS] if kind else "it gave no reason that we can read."
