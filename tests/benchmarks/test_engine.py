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
#: Building a page of texts that were coloured before, against diff2html with words and colours.
CACHED = {"typical": 0.1, "large": 0.2, "huge": 0.15}

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

    def of_pair(self, pair: pairs.Pair) -> dict[str, dict[str, Run]]:
        """What is drawn, by whom: each patch, and both together."""
        files = [pair.files(side) for side in (0, 1)]
        base = {**files[0].base, **files[1].base}
        drawn = {
            f"patch {letter}": self._runs("side", f"{pair.name}-{letter}", [file.patch], [file.results], base)
            for letter, file in zip("AB", files, strict=True)
        }
        both = [file.patch for file in files], [file.results for file in files]
        drawn["pair"] = self._runs("pair", f"{pair.name}-pair", *both, base)
        drawn["again"] = {"ours": self._runs("again", f"{pair.name}-again", *both, base)["ours"]}
        return drawn

    def of_patch(self, name: str, patch: bytes) -> dict[str, Run]:
        """A patch without the files that it was made for."""
        return self._runs("side", name, [patch], [{}], {})

    def _runs(
        self,
        what: str,
        name: str,
        patches: Sequence[bytes],
        results: Sequence[dict[str, bytes | None]],
        base: dict[str, bytes | None],
    ) -> dict[str, Run]:
        place = self.folder / f"{name}.json"
        # Our engine draws one patch as a pair with a side that changed nothing.
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
    tell_pair(report, field, measured, rounds(ROUNDS.get(name, 1)), CACHED[name])


def test_three_releases(report: Report, field: Field, tmp_path: Path) -> None:
    found = pairs.released(tmp_path / "releases")
    if isinstance(found, str):
        report.note(found)
        return
    report.note(f"Base, A and B are releases: {found.told()}.")
    tell_pair(report, field, found, rounds(2), CACHED["large"])


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


def tell_pair(report: Report, field: Field, pair: pairs.Pair, count: int, cached: float) -> None:
    best = {what: fought(runs, count) for what, runs in field.of_pair(pair).items()}
    for what in best.keys() - {"again"}:
        _tell_seconds(report, what, best[what])
    report.note("The engine draws the folded lines, too, which the others leave out.")
    if COLOURS in best["pair"]:
        report.figure(
            "pair once more, one orientation, texts coloured before",
            best["again"]["ours"]["cpu"],
            "s",
            beside=(COLOURS, best["pair"][COLOURS]["cpu"]),
            ratio_at_most=cached,
        )
    ours = best["pair"]["ours"]
    report.figure("HTML a row", ours["bytes"] / max(1, ours["rows"]), "B", at_most=170)
    for other in set(best["pair"]) - {"ours", COLOURS}:
        report.figure(
            "HTML, one orientation", ours["bytes"], "B", beside=(other, best["pair"][other]["bytes"])
        )
        report.figure("memory at most", ours["peak"], "B", beside=(other, best["pair"][other]["peak"]))
    report.figure("files that gave in to a cap", ours["degraded"], at_most=0)
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
