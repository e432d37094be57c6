"""aider prints for people: prose, the edits it applied, and a line with its tokens."""

from __future__ import annotations

import re

from tasks.agents.parsers.log import ASKED_AGAIN, Log, Usage, Writer
from tasks.agents.transcripts import MOST_BYTES

TOKENS = re.compile(r"^Tokens: ([\d.,]+)(k?) sent,(?:.*?) ([\d.,]+)(k?) received")
APPLIED = re.compile(r"^Applied edit to (.+)$")
FAILED = re.compile(r"^(?:litellm\.\w+|\w*Error\b|Unable to )")
#: Of these the last word counts, since it ends with 0 when it gives up: an error, or the tokens of an answer.
ASKING = "litellm."
RETRIED = re.compile(r"^Retrying in ")
#: What it says of itself at the start, and asks.
SILENT = re.compile(
    r"^(?:aider v|Aider v|Main model:|Model:|Weak model:|Git repo:|Repo-map:|Added .+ to the chat\.|Use /help|"
    r"Note: in-chat|Cur working dir:|Warning for |https://|Analytics have been |Detected dumb terminal|Update git |"
    r"HTTPS?ConnectionPool|Can't initialize prompt toolkit|Warning: Input is not a terminal)"
)
#: The files that it works on, which it names before it answers.
CHOSEN = re.compile(r"\A(?:\s*[\w./-]*\w\.\w+[ \t]*(?:\n|\Z)(?!\s*```))+")


def read(log: bytes) -> Log:
    writer = Writer()
    said: list[str] = []
    for line in log[:MOST_BYTES].decode("utf-8", "replace").splitlines():
        plain = line.rstrip()
        if not _told(plain):
            said.append(plain)
            continue
        _flush(said, writer)
        _line(plain, writer)
    _flush(said, writer)
    return writer.log()


def _told(line: str) -> bool:
    return any(pattern.match(line) for pattern in (TOKENS, APPLIED, FAILED, RETRIED, SILENT))


def _flush(said: list[str], writer: Writer) -> None:
    writer.say(CHOSEN.sub("", "\n".join(said)).strip())
    said.clear()


def _line(line: str, writer: Writer) -> None:
    if tokens := TOKENS.match(line):
        before = writer.usage
        writer.usage = Usage(
            before.input + _number(*tokens.group(1, 2)), before.output + _number(*tokens.group(3, 4))
        )
        writer.ends(well=True)
    elif applied := APPLIED.match(line):
        writer.add("edit", "", applied[1])
    elif RETRIED.match(line):
        writer.add("retry", ASKED_AGAIN)
    elif FAILED.match(line):
        writer.add("error", line)
        if line.startswith(ASKING):
            writer.ends(well=False, sentence=line)


def _number(digits: str, thousands: str) -> int:
    try:
        return int(float(digits.replace(",", "")) * (1000 if thousands else 1))
    except ValueError:
        return 0
