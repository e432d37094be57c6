"""Real outputs of two agents, brought in as prediction files: how long until a rater may grade all of them, blind."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from grading import queue
from marlin.models import User
from tests.benchmarks.pairs import CORPUS, WITHOUT_CORPUS
from tests.benchmarks.report import Report
from tests.browser.site import Person, Site
from tests.stack import eventually, running_stack

FILES = ("predictions-1.jsonl", "predictions-2.jsonl")
OFFERED = """
    SELECT count(DISTINCT t.id) FROM tasks_task t
    JOIN tasks_turn u ON u.task_id = t.id JOIN grading_pairpage p ON p.turn_id = u.id WHERE t.state = 'open'
"""
PAGES = ("", "transcripts", "tests", "write-up")


def test_prediction_files_are_gradable_within_a_minute(report: Report, django_db_blocker: Any) -> None:
    if not (CORPUS / FILES[0]).is_file():
        report.note(WITHOUT_CORPUS)
        return
    names, instances = _told(CORPUS / file for file in FILES)
    with running_stack(LOG_LEVEL="INFO") as stack:
        site = Site(stack, django_db_blocker)
        stack.start_all()
        began = time.perf_counter()
        files = [str(CORPUS / file) for file in FILES]
        stack.manage("import_predictions", *files, "--instances", str(CORPUS / "instances.jsonl"))
        eventually(lambda: stack.value(OFFERED) == len(instances), within=300)
        report.figure(f"{len(instances)} pairs are offered", time.perf_counter() - began, "s", at_most=60)
        read, telling = _read_all(site, names | {Path(file).stem for file in FILES})
        report.figure("tasks that a rater claimed and read", read, "", at_least=len(instances))
        report.figure("pages that tell a model or a file", len(telling), "", at_most=0)
    assert telling == []


def _told(files: Iterable[Path]) -> tuple[set[str], set[str]]:
    """What would tell who made a side, and the instances that both files have."""
    names, instances = set(), []
    for file in files:
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        instances.append({row["instance_id"] for row in rows})
        for row in rows:
            names |= {row["model_name_or_path"], *row["model_name_or_path"].split("+")}
    return names, set.intersection(*instances)


def _read_all(site: Site, names: set[str]) -> tuple[int, list[str]]:
    """Claims one task after the other, and opens what a rater may open."""
    riley, read, telling = site.person("Riley", "rater"), 0, []
    looked_for = re.compile("|".join(map(re.escape, sorted(names))), re.IGNORECASE)
    while assignment := site.do(lambda: _claim(riley)):
        read += 1
        pages = [f"/work/{assignment}/{page}" for page in PAGES]
        first = _get(site, riley, pages[0])
        pages += sorted(set(re.findall(r'"(/work/[^"?#]+/files/\d+)', first)))
        for page in ["/work/", *pages]:
            body = first if page == pages[0] else _get(site, riley, page)
            # What was looked for stands in its own box.
            telling += [
                page for found in looked_for.findall(body.replace('value="predictions"', "")) if found
            ]
        site.do(lambda: _give_back(riley))
    return read, telling


def _claim(person: Person) -> str:
    assignment = queue.claim_next(User.objects.get(pk=person.pk))
    return str(assignment.public_id) if assignment else ""


def _give_back(person: Person) -> None:
    queue.release(User.objects.get(pk=person.pk).assignments.get(state="claimed"))


def _get(site: Site, person: Person, path: str) -> str:
    request = urllib.request.Request(site.url + path, headers={"Cookie": f"sessionid={person.session}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()
