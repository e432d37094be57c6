"""A million votes in a database of their own, and one way of making sense of them, in a process of its own.

`python -m tests.benchmarks.counting WAY EXPERIMENT` prints seconds, processor time and memory as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from tests.benchmarks.regression import regression

ARMS = 20
AXES = ("clarity", "correctness", "efficiency", "scope")
RATERS = 500
READERS = 3
#: Of the regression on rows, against 1,000 of ours.
DRAWS = 10


def fill(owner: str, votes: int) -> int:
    """The votes of one experiment and nothing else of its world; its number."""
    with psycopg.connect(owner, autocommit=True) as connection:
        for table, name in connection.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'f'"
        ).fetchall():
            connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        experiment = _experiment(connection)
        connection.execute("SELECT setseed(0.5)")
        connection.execute(_VOTES, {"experiment": experiment, "votes": votes, "arms": ARMS, "raters": RATERS})
        # The last of the tasks says how large a task's number may be; nobody asks for the others.
        _insert(connection, "tasks_task", **needed(connection, "tasks_task") | {"id": 1 + votes // READERS})
        # What autovacuum does after so many new rows: without it an index cannot answer alone.
        connection.execute("VACUUM ANALYZE grading_vote")
    return experiment


def _noise(place: int) -> str:
    """Logistic, of a number that was drawn for the row."""
    return f"ln(u{place} / (1 - u{place}))"


#: Arm n is better than arm n - 1 by a tenth; each task leans its own way, which all its readers see alike.
_VOTES = f"""
INSERT INTO grading_vote
    (judgement_id, experiment_id, task_id, rater_id, first_id, second_id, on_left, rating, axes, turn, attempt,
     seat, nth, repository, language, category, submitted_on, newer, guess, styles)
SELECT n, %(experiment)s, task, 1 + (n * 7919) %% %(raters)s, one, other, is_left, rated(lean + {_noise(0)}),
    ARRAY[{", ".join(f"rated(lean + {_noise(1 + place)})" for place in range(len(AXES)))}], 1, 1,
    n %% {READERS}, 1 + n / %(raters)s, 'repository ' || task %% 40, 'Python', 'bug fix',
    date '2026-01-01' + (n / 10000)::int, 2, CASE WHEN n %% 3 = 0 THEN (n / 3) %% 3 END,
    json_build_object('changed_lines', {_noise(1)}, 'files', {_noise(2)}, 'tests', {_noise(3)})
FROM (
    SELECT *, (one - other) * 0.1 + sin(task * 12.9898) + CASE WHEN is_left THEN 0.2 ELSE -0.2 END AS lean
    FROM (
        SELECT n, task, 1 + least(low, (low + apart) %% %(arms)s) AS one,
            1 + greatest(low, (low + apart) %% %(arms)s) AS other, random() < 0.5 AS is_left,
            {", ".join(f"0.0001 + 0.9998 * random() AS u{place}" for place in range(len(AXES) + 1))}
        FROM (
            SELECT n, n / {READERS} AS task, (n / {READERS}) %% %(arms)s AS low,
                1 + (n / {READERS} / %(arms)s) %% (%(arms)s - 1) AS apart
            FROM generate_series(1::bigint, %(votes)s) AS n
        ) AS numbered
    ) AS leaning
) AS drawn
"""


def _experiment(connection: psycopg.Connection) -> int:
    connection.execute(
        """
        CREATE FUNCTION rated(x double precision) RETURNS smallint LANGUAGE sql IMMUTABLE AS
        'SELECT (CASE WHEN x > 2.4 THEN 4 WHEN x > 1.4 THEN 3 WHEN x > 0.6 THEN 2 WHEN x > 0 THEN 1
            WHEN x > -0.6 THEN -1 WHEN x > -1.4 THEN -2 WHEN x > -2.4 THEN -3 ELSE -4 END)::smallint'
        """
    )
    rubric = _insert(connection, "tasks_rubric", **needed(connection, "tasks_rubric") | {"points": 8})
    for position, key in enumerate(AXES):
        axis = {"rubric_id": rubric, "key": key, "name": key, "question": key, "position": position}
        _insert(connection, "tasks_axis", **needed(connection, "tasks_axis") | axis)
    world = needed(connection, "tasks_experiment") | {"rubric_id": rubric}
    experiment = _insert(connection, "tasks_experiment", **world)
    for number in range(1, ARMS + 1):
        arm = {"id": number, "experiment_id": experiment, "position": number, "agent_version_id": number}
        _insert(connection, "tasks_arm", **needed(connection, "tasks_arm") | arm)
    for number in range(1, RATERS + 1):
        person = {"id": number, "email": f"{number}@example.org", "roles": []}
        person |= {"public_id": f"00000000-0000-4000-8000-{number:012}"}
        _insert(connection, "marlin_user", **needed(connection, "marlin_user") | person)
    return experiment


def _insert(connection: psycopg.Connection, table: str, **values: object) -> int:
    names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    row = connection.execute(
        f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING id", [*values.values()]
    )
    (number,) = row.fetchone() or (0,)
    return int(number)


def needed(connection: psycopg.Connection, table: str) -> dict[str, object]:
    """Something plain for every column that must have something."""
    plain: dict[str, object] = {
        "uuid": "00000000-0000-4000-8000-000000000000",
        "jsonb": "{}",
        "ARRAY": "{}",
        "boolean": False,
        "timestamp with time zone": "2026-01-01",
    }
    columns = connection.execute(
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_name = %s AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'",
        [table],
    )
    numbers = ("bigint", "integer", "smallint", "numeric")
    return {str(name): plain.get(str(kind), 1 if kind in numbers else "USD") for name, kind in columns}


# --- One way of making sense of them, in its own process -----------------------------------------------------------


def headline(number: int, steps: dict[str, float]) -> None:
    """Counted by the database; five ratings, the headline's errors by task and rater, 1,000 bootstraps over tasks."""
    from grading.analysis.sections import DEFAULT, MODELS, Study, bootstrap
    from grading.models import Vote
    from grading.results import ballots
    from tasks.models import Experiment

    experiment = Experiment.objects.select_related("rubric").get(pk=number)
    rows = Vote.objects.filter(experiment=experiment)
    votes = _timed(steps, "votes out of PostgreSQL", lambda: ballots.votes_of(experiment, rows))
    study = Study(votes, DEFAULT)
    _timed(steps, "five ratings", lambda: [study.spread(name) for name in MODELS])
    _timed(steps, "errors", lambda: (study.headline.by_task, study.headline.two_way))
    _timed(steps, "1,000 bootstraps", lambda: bootstrap(study))


def whole(number: int, steps: dict[str, float]) -> None:
    """Everything that a stored result holds."""
    from django.db.models import Q

    from grading.results import ballots, findings
    from tasks.models import Experiment

    experiment = Experiment.objects.select_related("rubric").get(pk=number)
    read = _timed(steps, "votes out of PostgreSQL", lambda: ballots.read(experiment, Q()))
    _timed(steps, "findings", lambda: findings.findings(read, {axis: axis for axis in AXES}))


def on_rows(number: int, steps: dict[str, float]) -> None:
    """What one would write first: rows as objects, a design of N of them, tasks drawn with replacement as weights."""
    from grading.models import Vote

    rows = Vote.objects.filter(experiment=number).values_list("task", "first", "second", "rating")
    votes = _timed(steps, "rows out of PostgreSQL", lambda: np.array(list(rows)))
    tasks, task = np.unique(votes[:, 0], return_inverse=True)
    design = np.zeros((len(votes), ARMS))
    design[np.arange(len(votes)), votes[:, 1] - 1] = 1
    design[np.arange(len(votes)), votes[:, 2] - 1] = -1
    won = (np.sign(votes[:, 3]) + 1) / 2
    random = np.random.default_rng(1)
    weights = [np.ones(len(votes))]
    weights += [
        np.bincount(random.integers(len(tasks), size=len(tasks)), minlength=len(tasks))[task].astype(float)
        for _ in range(DRAWS)
    ]
    for each in weights:
        _timed(steps, "regressions", partial(regression, design, won, each))


def _timed(steps: dict[str, float], name: str, work: Callable[[], Any]) -> Any:
    began = time.process_time()
    found = work()
    steps[name] = steps.get(name, 0.0) + time.process_time() - began
    return found


def _megabytes(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


WAYS = {"headline": headline, "whole": whole, "on_rows": on_rows}


def main(way: str, number: str) -> None:
    import django

    django.setup()
    from django.db import connection

    import grading.results.computing  # noqa: F401 - what is loaded at first use is not this work's

    with connection.cursor() as cursor:
        # Helpers of the server would work for us where nobody sees how long.
        cursor.execute("SET max_parallel_workers_per_gather = 0")
        cursor.execute("SELECT pg_backend_pid()")
        (server,) = cursor.fetchone()
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins anew
    before, asked = _megabytes("VmRSS"), _worked(server)
    steps: dict[str, float] = {}
    wall, cpu = time.perf_counter(), time.process_time()
    WAYS[way](int(number), steps)
    ours = time.process_time() - cpu
    told = {
        "wall": time.perf_counter() - wall,
        "cpu": ours + _worked(server) - asked,
        "extra": _megabytes("VmHWM") - before,
        "steps": {"PostgreSQL itself": _worked(server) - asked, **steps},
    }
    print(json.dumps(told))


def _worked(process: int) -> float:
    """Seconds of processor time of the database's process, which is on this machine."""
    ticks = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main(*sys.argv[1:])
