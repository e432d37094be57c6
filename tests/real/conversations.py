"""Conversations of four turns: each begins on both sides in the session and with the files of the last winner."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tasks import turns
from tasks.models import Candidate, Task
from tests import factories
from tests.fake_provider import Seen, in_a_thread
from tests.faults import worlds
from tests.real.__main__ import installed_below
from tests.real.cases import WITHOUT_A_SHELL
from tests.real.equal import asked, differences
from tests.real.scripts import Act, Script, conversation
from tests.real.world import World
from tests.stack import eventually

MODELS = ("wrasse-large-2026", "turbot-mini-2026")
PRICES = ("3", "0.25")
PROMPTS = ("Begin with stage-1.", "Go on with stage-2.", "Go on with stage-3.", "End with stage-4.")
#: The side that wins each turn that another follows.
WINNERS = (0, 1, 0)


#: Each is shown the winner's files by its shell.
ABLE = [name for name in installed_below(Path(os.environ["AGENTS"])) if name not in WITHOUT_A_SHELL]


@pytest.mark.parametrize("preset", ABLE)
def test_both_sides_go_on_from_the_winner(world: World, preset: str) -> None:
    rater, pair = factories.make_person("Riley", "rater"), list[Candidate]()
    with in_a_thread(decide=world.decide) as fake:
        agents = [
            world.agent(fake, preset, model, _script(side), price=PRICES[side])
            for side, model in enumerate(MODELS)
        ]
        experiment = world.experiment(agents, prompt=PROMPTS[0], turns=len(PROMPTS))
        worlds.prepare_here()
        for number, prompt in enumerate(PROMPTS, 1):
            if number > 1:
                turns.continue_from(pair[WINNERS[number - 2]], prompt=prompt, by=rater)
            pair = _made(world, experiment.tasks.get(), number)
            _judge(world, preset, number)
        worlds.assert_nothing_is_left(world.stack, agents)


def _script(side: int) -> Script:
    """Each turn reads what is there and adds a line of its own."""
    return Script({f"stage-{number}": _act(number, side) for number in range(1, len(PROMPTS) + 1)})


def _act(number: int, side: int) -> Act:
    written = f"echo 'part {number} by {side}' >> STORY.md"
    return Act(("touch STORY.md && cat STORY.md && echo read", written), f"Side {side} told part {number}.")


def _made(world: World, task: Task, number: int) -> list[Candidate]:
    """The pair in the order of the arms, once a worker has opened and made it."""

    def found() -> list[Candidate]:
        candidates = Candidate.objects.filter(turn__task=task, turn__number=number)
        return list(candidates.order_by("origin__arm__position"))

    eventually(lambda: len(found()) == 2, why="The pair was not opened.")
    world.wait_for(found(), within=180)
    pair = found()
    assert [one.state for one in pair] == ["ready", "ready"], [one.runs.latest("pk").sentence for one in pair]
    assert [one.runs.count() for one in pair] == [1, 1]
    return pair


def _judge(world: World, preset: str, number: int) -> None:
    """Both models were asked the same, and told and shown what the winners did, never what the losers did."""
    sides = [_requests(world.scripts[model], number) for model in MODELS]
    unequal = differences(asked(sides[0][0]), asked(sides[1][0]))
    size = len(json.dumps(sides[0][0].body))
    print(
        f"{'BAD' if unequal else 'well':<5}{preset:<15}turn {number}: {size:,} bytes first, equal", flush=True
    )
    assert not unequal, "\n".join(unequal)
    for side, requests in enumerate(sides):
        before = [f"Side {WINNERS[earlier - 1]} told part {earlier}." for earlier in range(1, number)]
        losers = [f"Side {1 - WINNERS[earlier - 1]} told part {earlier}." for earlier in range(1, number)]
        first = json.dumps(conversation(requests[0]))
        places = [first.find(sentence) for sentence in before]
        assert places == sorted(places)
        assert -1 not in places, (side, before)
        assert not [sentence for sentence in losers if sentence in first]
        # Its shell shows the files of the winner: the lines of every earlier one, in order.
        shown = json.dumps(conversation(requests[1])[-1])
        lines = [f"part {earlier} by {WINNERS[earlier - 1]}" for earlier in range(1, number)]
        assert "\\n".join([*lines, "read"]) in shown.replace("\\\\n", "\\n"), shown


def _requests(script: Script, number: int) -> list[Seen]:
    """Those of one turn: its prompt is the last one in them."""
    stages = list(script.acts)

    def stage(seen: Seen) -> str:
        told = json.dumps(conversation(seen))
        return max(stages, key=told.rfind)

    return [seen for seen in script.seen if stage(seen) == f"stage-{number}"]
