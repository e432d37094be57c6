"""Events are written with what they tell of, chained once they are committed, and never changed."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.core.management import CommandError, call_command

from marlin import events
from marlin.models import Event, EventSeal
from tests import databases, factories
from tests.races import race
from tests.stack import Stack, eventually


@contextmanager
def writer(stack: Stack) -> Iterator[psycopg.Connection]:
    """Another process that writes events and commits when the test says so."""
    with psycopg.connect(databases.url_of("WORKER", stack.database)) as connection:
        yield connection


def write(connection: psycopg.Connection, name: str) -> int:
    (pk,) = connection.execute(
        "INSERT INTO marlin_event (at, name, subject, story, before, after, why, detail)"
        " VALUES (now(), %s, 'subject', '', '', '', '', '{}') RETURNING id",
        [name],
    ).fetchone()
    return pk


def write_committed(stack: Stack, *names: str) -> None:
    with writer(stack) as connection:
        for name in names:
            write(connection, name)
            connection.commit()


def seal(count: int) -> None:
    """Until so many are chained. A transaction in another database of the server may hold some back."""
    eventually(lambda: events.seal() >= 0 and EventSeal.objects.count() == count, within=30)


def is_ripe(stack: Stack) -> bool:
    """Whether every event is older than all that still runs on the server."""
    horizon = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    return stack.value(f"SELECT bool_and(transaction < {horizon}) FROM marlin_event") is True


def sealed_names() -> list[str]:
    return list(EventSeal.objects.order_by("position").values_list("event__name", flat=True))


def change_history(stack: Stack, *statements: str) -> None:
    """What only somebody who may alter the table can do."""
    with psycopg.connect(databases.url_of("OWNER", stack.database), autocommit=True) as owner:
        for table in ("marlin_event", "marlin_eventseal"):
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            owner.execute(statement)
        for table in ("marlin_event", "marlin_eventseal"):
            owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def test_an_event_names_subject_actor_and_what_else_was_said(db, riley, bells):
    repository = factories.make_repository()

    events.record("repository.praised", repository, by=riley, why="It is small.", stars=5)

    event = Event.objects.get(name="repository.praised")
    assert (event.subject, event.actor) == (str(repository.public_id), riley)
    assert (event.why, event.detail) == ("It is small.", {"stars": 5})


def test_a_subject_without_a_public_id_is_named_by_its_key(db):
    rubric = factories.make_rubric()

    events.record("rubric.printed", rubric)

    assert Event.objects.get(name="rubric.printed").subject == f"tasks.rubric:{rubric.pk}"


def test_an_event_goes_with_its_transaction(committed):
    with writer(committed) as connection:
        write(connection, "undone")
        connection.rollback()
    write_committed(committed, "done")

    seal(1)

    assert sealed_names() == ["done"]


def test_committed_events_are_chained_in_order(committed):
    write_committed(committed, "one", "two", "three")

    seal(3)

    assert sealed_names() == ["one", "two", "three"]
    assert events.verify() == events.Verdict(3, 0, EventSeal.objects.get(position=3).digest)


def test_sealing_again_finds_nothing_to_do(committed):
    write_committed(committed, "one")
    seal(1)

    assert events.seal() == 0


def test_a_writer_that_commits_late_is_neither_skipped_nor_overtaken(committed):
    with writer(committed) as late:
        write(late, "lower id, commits later")
        write_committed(committed, "higher id, commits first")

        # The open transaction is older: nothing after it may be chained before it is decided.
        assert events.seal() == 0
        late.commit()
    seal(2)

    assert sealed_names() == ["lower id, commits later", "higher id, commits first"]
    assert not events.verify().fault


def test_an_event_of_an_older_transaction_with_a_higher_id_comes_first(committed):
    with writer(committed) as older, writer(committed) as younger:
        older.execute("SELECT pg_current_xact_id()")
        write(younger, "younger")
        younger.commit()
        write(older, "older")
        older.commit()

    seal(2)

    assert sealed_names() == ["older", "younger"]


def test_one_sealer_works_at_a_time(committed):
    write_committed(committed, "one")
    eventually(lambda: is_ripe(committed))
    with psycopg.connect(databases.url_of("WORKER", committed.database)) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [events.SEALER_LOCK])

        assert events.seal() == 0

    seal(1)


def test_racing_sealers_chain_each_event_once(committed):
    write_committed(committed, *(f"event {number}" for number in range(20)))

    race(*[events.seal] * 4)
    seal(20)

    assert not events.verify().fault


def test_more_than_a_batch_is_chained_at_once(committed, monkeypatch):
    monkeypatch.setattr(events, "BATCH", 2)
    write_committed(committed, "one", "two", "three", "four", "five")

    seal(5)

    assert sealed_names() == ["one", "two", "three", "four", "five"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (["UPDATE marlin_event SET why = 'else' WHERE name = 'two'"], "not what was sealed at 2"),
        (["UPDATE marlin_event SET at = at + interval '1 second' WHERE name = 'two'"], "sealed at 2"),
        (["UPDATE marlin_event SET transaction = transaction + 1 WHERE name = 'two'"], "sealed at 2"),
        (
            [
                "DELETE FROM marlin_eventseal WHERE position = 2",
                "DELETE FROM marlin_event WHERE name = 'two'",
            ],
            "Seal 2 is missing",
        ),
        (
            [
                "UPDATE marlin_eventseal SET position = 9 WHERE position = 2",
                "UPDATE marlin_eventseal SET position = 2 WHERE position = 3",
                "UPDATE marlin_eventseal SET position = 3 WHERE position = 9",
            ],
            "sealed at 2",
        ),
    ],
    ids=["edited", "moved in time", "given to another transaction", "deleted", "reordered"],
)
def test_history_that_was_changed_is_noticed(committed, change, fault):
    write_committed(committed, "one", "two", "three")
    seal(3)
    change_history(committed, *change)

    verdict = events.verify()

    assert fault in verdict.fault
    assert verdict.sealed == 1
    with pytest.raises(CommandError, match=r"1 events before it are as they were sealed"):
        call_command("verify_events")


def test_verify_events_seals_first_and_says_how_many_are_well(committed, capsys):
    write_committed(committed, "one", "two")
    seal(2)

    call_command("verify_events")

    assert "2 events are as they were sealed, 0 still open" in capsys.readouterr().out


def test_verify_events_says_how_many_are_still_open(committed, capsys):
    with writer(committed) as late:
        late.execute("SELECT pg_current_xact_id()")
        write_committed(committed, "one")

        call_command("verify_events")

    assert "0 events are as they were sealed, 1 still open" in capsys.readouterr().out
