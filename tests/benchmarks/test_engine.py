"""The engine against diff2html with word matching and against a plain unidiff, Pygments and difflib pipeline.

Contestants take turns in one run. Seconds are of CPU, the best of the rounds: other work on the machine makes them
wait, and hardly changes what they spend.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.benchmarks import pairs
from tests.benchmarks.contestants.asking import Answer, Asked, Contestant, write_request
from tests.benchmarks.contestants.node import Anchor
from tests.benchmarks.report import ROOT, Report, rounds, sizes

ROUNDS = {"typical": 6, "large": 2}
WORDS, COLOURS = "diff2html", "diff2html + highlight.js"
GENERATED = {"huge": 60.0}  # seconds
A_ROW = 170  # bytes
#: Drawn once more so that one sees what the colours cost.
BARE = "without colours"

Run = Callable[[], Answer]


class Field:
    """The contestants, each a process of its own, and what they were asked."""

    def __init__(self, folder: Path, anchor: Anchor, stack: ExitStack) -> None:
        self.folder = folder
        self.anchor = anchor
        module = (sys.executable, "-m")
        self._ours = stack.enter_context(Contestant([*module, "tests.benchmarks.contestants.ours"], ROOT))
        self._plain = stack.enter_context(Contestant([*module, "tests.benchmarks.contestants.plain"], ROOT))
        self._node = None if anchor.missing else stack.enter_context(Contestant(anchor.command, ROOT))

    def of_pair(self, pair: pairs.Pair, *, alone: bool) -> dict[str, dict[str, Run]]:
        """What is drawn, by whom: each patch, unless they are huge, and both together."""
        files = [pair.files(side) for side in (0, 1)]
        base = {**files[0].base, **files[1].base}
        both = [file.patch for file in files], [file.results for file in files]
        drawn = {
            "pair": self._runs("pair", f"{pair.name}-pair", *both, base),
            BARE: {"ours": self._runs(BARE, f"{pair.name}-bare", *both, base)["ours"]},
        }
        for letter, file in zip("AB", files if alone else (), strict=False):
            name = f"{pair.name}-{letter}"
            drawn[f"patch {letter}"] = self._runs("patch", name, [file.patch], [file.results], base)
        return drawn

    def of_patch(self, name: str, patch: bytes) -> dict[str, Run]:
        """A patch without the files that it was made for."""
        return self._runs("patch", name, [patch], [{}], {})

    def _runs(
        self,
        what: str,
        name: str,
        patches: Sequence[bytes],
        results: Sequence[dict[str, bytes | None]],
        base: dict[str, bytes | None],
    ) -> dict[str, Run]:
        place = self.folder / f"{name}.json"
        write_request(place, Asked(what, list(patches), list(results), base))
        written = "\n".join(str(place.with_suffix(f".{number}.patch")) for number in range(len(patches)))
        runs: dict[str, Run] = {
            "ours": lambda: self._ours.ask(request=str(place)),
            "plain": lambda: self._plain.ask(request=str(place)),
        }
        if self._node is not None:
            node = self._node
            runs[WORDS] = lambda: node.ask(patches=written, highlight="no")
            runs[COLOURS] = lambda: node.ask(patches=written, highlight="yes")
        return runs


@pytest.fixture
def field(tmp_path: Path, anchor: Anchor) -> Iterator[Field]:
    with ExitStack() as stack:
        yield Field(tmp_path, anchor, stack)


@pytest.mark.parametrize("name", sizes("typical", "large", "huge"))
def test_a_made_pair(report: Report, field: Field, pair: Callable[[str], pairs.Pair], name: str) -> None:
    measured = pair(name)
    report.note(f"Made pair: {measured.told()}.")
    tell_pair(report, field, measured, rounds(ROUNDS.get(name, 1)))


def test_three_releases(report: Report, field: Field, tmp_path: Path) -> None:
    found = pairs.released(tmp_path / "releases")
    if isinstance(found, str):
        report.note(found)
        return
    report.note(f"Base, A and B are releases: {found.told()}.")
    tell_pair(report, field, found, rounds(2))


def test_the_corpus(report: Report, field: Field) -> None:
    """Patch by patch; the corpus has no files, so everybody draws hunks."""
    totals: dict[str, float] = {}
    for instance, *patches in pairs.corpus():
        for agent, patch in enumerate(patches, 1):
            name = f"{instance} {agent}"
            best = fought(field.of_patch(f"{instance}-{agent}", patch), rounds(3))
            _tell_seconds(report, name, {key: best[key] for key in best if key != COLOURS})
            for contestant, answer in best.items():
                totals[contestant] = totals.get(contestant, 0) + answer["cpu"]
    if not totals:
        report.note(pairs.WITHOUT_CORPUS)
        return
    _tell_seconds(report, "all patches", {name: {"cpu": cpu} for name, cpu in totals.items()})
    _tell_anchor(report, field)


def tell_pair(report: Report, field: Field, pair: pairs.Pair, count: int) -> None:
    drawn = field.of_pair(pair, alone=pair.name != "huge")
    best = {what: fought(runs, count) for what, runs in drawn.items()}
    bare = best.pop(BARE)["ours"]
    for what, answers in best.items():
        _tell_seconds(report, what, answers)
    ours = best["pair"]["ours"]
    report.figure("pair, all of it", ours["cpu"], "s", at_most=GENERATED.get(pair.name))
    report.figure(f"pair, {BARE}", bare["cpu"], "s", beside=("with them", ours["cpu"]))
    for view, size in ours["a row"].items():
        report.figure(f"HTML a row, {view}", size, "B", at_most=A_ROW)
    for other in (name for name in best["pair"] if name not in ("ours", COLOURS)):
        report.figure(
            "HTML of the first view", ours["bytes"], "B", beside=(other, best["pair"][other]["bytes"])
        )
        report.figure("memory at most", ours["peak"], "B", beside=(other, best["pair"][other]["peak"]))
    report.figure("files that gave in to a cap", ours["degraded"], at_most=0)
    report.note(
        "Ours draws three views in both orientations, folded lines too, and packs them; the others one view of what"
        " is visible, each patch by itself."
    )
    _tell_anchor(report, field)


def fought(runs: Mapping[str, Run], count: int) -> dict[str, Answer]:
    """The answer of each one's best round, in turns. The first warms caches and compilers, and counts if it must."""
    answers: dict[str, list[Answer]] = {name: [] for name in runs}
    for _ in range(count):
        for name, run in runs.items():
            answers[name].append(run())
    return {name: min(given, key=lambda answer: float(answer["cpu"])) for name, given in answers.items()}


def _tell_seconds(report: Report, what: str, best: Mapping[str, Answer]) -> None:
    for other in best:
        if other != "ours":
            report.figure(what, best["ours"]["cpu"], "s", beside=(other, best[other]["cpu"]))


def _tell_anchor(report: Report, field: Field) -> None:
    if field.anchor.missing:
        report.note(field.anchor.missing)
