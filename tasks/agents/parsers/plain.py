"""For any other command: what it printed is the one thing it said, or it wrote our own form."""

from __future__ import annotations

from tasks.agents import transcripts
from tasks.agents.parsers.log import Log, Writer

MOST_SAID = 20_000  # characters of the end


def read(log: bytes) -> Log:
    writer = Writer()
    writer.say(log[-4 * MOST_SAID :].decode("utf-8", "replace").strip()[-MOST_SAID:])
    return writer.log()


def steps(log: bytes) -> Log:
    """One step a line, as tasks.agents.transcripts writes them."""
    found = transcripts.parse(log)
    return Log(steps=found, final=transcripts.final_message(found))
