"""How a later turn begins: both sides go on by themselves, or both are told what happened. Never one of each."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.agents.base import Memory
from tasks.agents.transcripts import Past, retold
from tasks.generation import snapshots
from tasks.models import Candidate, Origin, Turn


def opening(candidate: Candidate) -> tuple[str, Memory | None]:
    """The prompt of this candidate's turn as its agent gets it, and the conversation it goes on with."""
    turn = candidate.turn
    if turn.continues is None:
        return turn.prompt, None
    if memory := _shared_memory(candidate, turn.continues):
        return turn.prompt, memory
    return retold(list(_past(turn)), turn.prompt), None


def _shared_memory(candidate: Candidate, winner: Candidate) -> Memory | None:
    """The winner's, when both arms can go on with it: the same harness in the same version."""
    snapshot = getattr(winner, "snapshot", None)
    if snapshot is None:
        return None
    pair = Origin.objects.filter(candidate__turn=candidate.turn_id, candidate__attempt=candidate.attempt)
    for origin in pair.select_related("agent_version"):
        version = origin.agent_version
        same = (version.harness, version.harness_version) == (snapshot.harness, snapshot.harness_version)
        if not same or version.settings.get("history") != "native":
            return None
    return snapshots.memory_of(snapshot)


def _past(turn: Turn) -> Iterator[Past]:
    """From the first turn on: what was asked, and what the chosen candidate did."""
    before = turn.continues
    if before is None:
        return
    yield from _past(before.turn)
    yield Past(before.turn.prompt, before.transcript, before.final_message)
