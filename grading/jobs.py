"""The doorbells of grading: rendering, expiring, judgements, exports, results."""

from __future__ import annotations

import logging

from celery import shared_task
from django.conf import settings

from grading import progress, queue, rendering, trees
from grading.export import judging, snapshot, writing
from grading.models import Export, Result
from grading.results import asking, computing, stopping
from marlin.heartbeat import heartbeat
from marlin.jobs import ring
from marlin.states import WrongState

logger = logging.getLogger(__name__)

MOST_BELLS = 100


@shared_task
def render_pairs() -> int:
    """Pulls: complete pairs that have no page get one. Safe to ring twice."""
    queue.hand_on()
    waiting = rendering.waiting(MOST_BELLS)
    for turn_id, attempt in waiting:
        ring("grading.jobs.render_pair", turn_id, attempt)
    return len(waiting)


@shared_task
def render_pair(turn_id: int, attempt: int) -> None:
    """Needs a pair whose two sides are final; leaves both orientations stored, or says why not. Safe to ring twice."""
    rendering.attempt(turn_id, attempt)
    queue.hand_on()


@shared_task
def prepare_trees() -> int:
    """Pulls: each commit that is compared gets its list of files. Safe to ring twice."""
    trees.sweep()
    wanted = trees.wanted()
    for repository_id, commit in wanted[:MOST_BELLS]:
        ring("grading.jobs.prepare_tree", repository_id, commit)
    return len(wanted)


@shared_task
def prepare_tree(repository_id: int, commit: str) -> None:
    """Leaves the list of files of a commit, and the rows of the first of them. Safe to ring twice."""
    trees.prepare(repository_id, commit)


@shared_task
def write_base_file(tree_id: int, number: int) -> None:
    """Needs a tree with its list; leaves the rows of one of its files. Safe to ring twice."""
    trees.write_one(tree_id, number)


@shared_task
def write_tree_words(tree_id: int) -> None:
    """Needs a tree with its list; leaves the lines of its texts for the search. Safe to ring twice."""
    trees.write_words(tree_id)


@shared_task
def expire_assignments() -> int:
    return queue.expire_overdue()


@shared_task
def heed_stopping_rules() -> int:
    """The sweep: what has all that it was asked for, or has spent its pay, is paused. Safe to ring twice.

    What stops when decided is judged as soon as a result is computed; here that result is asked for.
    """
    stopped = progress.heed_stopping_rules()
    stopping.judge_what_grew()
    return stopped


@shared_task
def write_judgements(assignment_id: int) -> int:
    """Needs an accepted assignment; leaves a judgement for each locked preference. Safe to ring twice."""
    return judging.write_for(assignment_id)


@shared_task
def write_missing_judgements() -> int:
    return judging.write_missing()


@shared_task
def write_export(export_id: int) -> None:
    """Needs a queued export; leaves it ready or failed. Safe to ring twice."""
    export = Export.objects.select_related("experiment__rubric").get(pk=export_id)
    try:
        writing.run(export)
    except WrongState as why:
        logger.info("Export %s is not this worker's: %s", export.pk, why)
    except writing.Busy:
        export.give_back(token=export.token)  # the sweep rings again
    except Exception as why:
        logger.exception("Writing export %s failed.", export.pk)
        export.fail(
            f"Writing failed: {type(why).__name__}. Try again, or see the worker's log.", token=export.token
        )
        raise


@shared_task
def requeue_exports() -> int:
    """The sweep: what a silent worker held is queued again, what waits is rung again."""
    writing.sweep()
    return snapshot.requeue()


@shared_task
def compute_result(result_id: int) -> None:
    """Needs a queued result; leaves it ready or failed. Safe to ring twice."""
    result = Result.objects.select_related("experiment__rubric").get(pk=result_id)
    try:
        token = result.take_lease(Result.State.QUEUED, settings.RUN_LEASE)
        result.start(token=token)
    except WrongState:
        return
    with heartbeat(lambda: result.renew_lease(token, settings.RUN_LEASE)):
        try:
            # Counted before it is computed: what is accepted meanwhile makes the result old, never unseen.
            basis = asking.accepted(result.experiment)
            found = computing.compute(result)
            result.finish(token=token, found=found, digest=computing.digest_of(found), basis=basis)
            asking.tidy(result)
        except WrongState:
            logger.info("Result %s was taken from this worker.", result.pk)
        except Exception as why:
            result.fail(
                f"Computing failed: {type(why).__name__}. Ask again, or see the worker's log.", token=token
            )
            raise
        else:
            stopping.heed(result)


@shared_task
def requeue_results() -> int:
    """The sweep: what a silent worker held is queued again, what waits is rung again."""
    return asking.requeue()
