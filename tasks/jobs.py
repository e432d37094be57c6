"""The doorbells of tasks: each takes an id, claims the row and hands over to plain code."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from functools import partial

from celery import shared_task
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from marlin.heartbeat import heartbeat
from marlin.jobs import ring
from marlin.sources import source
from marlin.states import WrongState
from tasks import experiments, hosts, turns
from tasks.gateway import access
from tasks.gateway.sealing import KeyUnusable
from tasks.generation import doctor, held, pipeline, places, retention, retries, snapshots, stuck, workers
from tasks.generation import environment as environments
from tasks.generation.evidence import Evidence
from tasks.generation.live import Progress
from tasks.generation.progress import keeping
from tasks.importing import asked
from tasks.importing.rows import Refused
from tasks.models import AgentCheck, Candidate, Commit, Environment, Failure, Import, Repository, Run, RunLog
from tasks.sandbox.base import Finished

logger = logging.getLogger(__name__)


@shared_task
def clone_repository(repository_id: int) -> None:
    """Needs a repository that is cloning; leaves it usable, in baseline, or broken. Safe to ring twice."""
    repository = Repository.objects.get(pk=repository_id)
    try:
        token = repository.take_lease(Repository.State.CLONING, settings.RUN_LEASE, worker=workers.my_name())
    except WrongState:
        return
    try:
        with (
            heartbeat(lambda: repository.renew_lease(token, settings.RUN_LEASE)),
            keeping(Repository, repository.pk, token) as log,
        ):
            head = environments.clone(repository, log.add, token=hosts.token_for(repository.url))
            commits = environments.commits(repository)
            languages = environments.languages(repository)
        _cloned(repository, head, commits, languages, token)
    except (environments.Broken, KeyUnusable) as why:
        with _unless_taken(repository):
            repository.breaks(str(why), token=token)


def _cloned(
    repository: Repository,
    head: str,
    commits: Sequence[Commit],
    languages: list[tuple[str, int]],
    token: str,
) -> None:
    sent = repository.upload.name
    with _unless_taken(repository), transaction.atomic():
        repository.cloned(head=head, languages=languages, token=token)
        if sent:
            transaction.on_commit(partial(default_storage.delete, sent))
        repository.commits.all().delete()
        Commit.objects.bulk_create(commits)
        environment, _ = Environment.objects.get_or_create(repository=repository, base_commit=head)
        if environment.state == Environment.State.USABLE:
            repository.passes()
            return
        if environment.state == Environment.State.BROKEN:
            # Copied again at the same commit: the recipe may have been mended since.
            environment.retry()
        ring("tasks.jobs.prepare_environment", environment.pk)


@shared_task
def prepare_environment(environment_id: int) -> None:
    """Needs an environment in baseline; leaves it usable or broken. Safe to ring twice."""
    environment = Environment.objects.select_related("repository").get(pk=environment_id)
    try:
        token = environment.take_lease(
            Environment.State.BASELINE, settings.RUN_LEASE, worker=workers.my_name()
        )
    except WrongState:
        return
    with (
        heartbeat(lambda: environment.renew_lease(token, settings.RUN_LEASE)) as heart,
        keeping(Environment, environment.pk, token) as log,
    ):
        try:
            tested = environments.prove(environment, cancelled=heart.is_lost, said=log.add)
        except environments.Broken as why:
            _environment_breaks(environment, why, token)
            return
    _environment_passes(environment, tested, token)


def _environment_passes(environment: Environment, tested: Evidence, token: str) -> None:
    with _unless_taken(environment), transaction.atomic():
        environment.passes(evidence=tested.as_json(), log=tested.log, token=token)
        for repository in _awaiting(environment):
            repository.passes()
        for pk in _waiting_for(environment):
            ring("tasks.jobs.generate_candidate", pk)
        ring("tasks.jobs.open_tasks")


def _environment_breaks(environment: Environment, why: environments.Broken, token: str) -> None:
    with _unless_taken(environment), transaction.atomic():
        environment.breaks(why.sentence, token=token, log=why.log)
        for repository in _awaiting(environment):
            repository.breaks(why.sentence)


@contextmanager
def _unless_taken(work: Repository | Environment | Import | AgentCheck) -> Iterator[None]:
    """A write whose token no longer holds is dropped: somebody else has the row by now."""
    try:
        yield
    except WrongState:
        logger.info("%s %s was taken from this worker.", work._meta.verbose_name, work.pk)


def _awaiting(environment: Environment) -> QuerySet[Repository]:
    """The repository, when it has become usable or broken with this environment. Asked anew: it may have moved."""
    return Repository.objects.filter(
        pk=environment.repository_id, state=Repository.State.BASELINE, head=environment.base_commit
    )


def _waiting_for(environment: Environment) -> list[int]:
    waiting = Candidate.objects.filter(
        state=Candidate.State.QUEUED,
        turn__base_commit=environment.base_commit,
        turn__task__scenario__repository=environment.repository,
    )
    return list(waiting.values_list("pk", flat=True))


@shared_task
def read_import(import_id: int) -> None:
    """Needs an import that waits; leaves it done or refused. Safe to ring twice, and after a kill."""
    wanted = Import.objects.select_related("by").get(pk=import_id)
    try:
        token = wanted.take_lease(Import.State.WAITING, settings.RUN_LEASE, worker=workers.my_name())
    except WrongState:
        return
    with heartbeat(lambda: wanted.renew_lease(token, settings.RUN_LEASE)), _unless_taken(wanted):
        try:
            wanted.finish(outcome=asked.read(wanted), token=token)
        except Refused as why:
            wanted.refuse(str(why), token=token)
        except Exception as why:
            wanted.refuse(f"Reading failed: {type(why).__name__}. The worker's log has it.", token=token)
            raise


@shared_task
def check_agent(check_id: int) -> None:
    """Needs a check that waits; leaves it done, with what was found. Safe to ring twice, and after a kill."""
    check = AgentCheck.objects.select_related("agent_version").get(pk=check_id)
    try:
        token = check.take_lease(AgentCheck.State.WAITING, settings.RUN_LEASE)
    except WrongState:
        return
    check.findings = []  # of a worker that died
    with heartbeat(lambda: check.renew_lease(token, settings.RUN_LEASE)), _unless_taken(check):
        try:
            for finding in doctor.examine(check.agent_version):
                check.found(asdict(finding), token=token)
        except Exception as why:
            said = f"Our own code failed: {type(why).__name__}. The worker's log has it."
            check.found(asdict(doctor.Finding("machine", False, said)), token=token)
            raise
        finally:
            check.finish(token=token)


@shared_task
def open_tasks() -> int:
    """Opens what running experiments lack. Safe to ring twice."""
    return experiments.open_tasks()


@shared_task
def halt_runs() -> int:
    """Needs experiments that do not run; their candidates at work wait again. Safe to ring twice."""
    return stuck.halt_runs()


@shared_task
def open_pair(turn_id: int) -> bool:
    """Needs a turn that goes on from a candidate; leaves it with a pair. Safe to ring twice."""
    return turns.open_pair(turn_id)


@shared_task
def generate_candidate(candidate_id: int) -> None:
    """Needs a queued candidate; leaves it ready or failed. Safe to ring twice."""
    candidate = Candidate.objects.select_related("turn__task__scenario__repository").get(pk=candidate_id)
    if not Candidate.objects.may_start().filter(pk=candidate_id).exists():
        return
    held = access.is_held(candidate.origin.agent_version)
    if held:
        logger.info("Candidate %s waits: %s", candidate.pk, held)
        return  # the sweep rings again, and no attempt is lost
    if turns.make_anew_if_mended(candidate):
        return  # both sides again: they would not have worked under equal conditions
    try:
        run = _start(candidate)  # takes the row and a fencing token
    except WrongState:
        return  # rung twice: another worker has it, or it is done
    progress = Progress()
    with heartbeat(lambda: _renew(run), lambda: _look(run, progress)) as heart:
        _generate(candidate, run, heart.is_lost, progress)


@transaction.atomic
def _start(candidate: Candidate) -> Run:
    token = source().token("run")
    candidate.start(token=token)
    run = Run.objects.create(
        candidate=candidate,
        token=token,
        worker=workers.my_name(),
        recipe=candidate.turn.task.scenario.repository.recipe(),
        lease_until=Now() + timedelta(seconds=settings.RUN_LEASE),
    )
    run.refresh_from_db(fields=["lease_until"])
    return run


def _renew(run: Run) -> bool:
    """Beat, unless the run was ended or the candidate taken away."""
    return bool(_mine(run).update(lease_until=Now() + timedelta(seconds=settings.RUN_LEASE)))


def _look(run: Run, progress: Progress) -> bool:
    """Whether it is still wanted; and what can be watched of it is written down."""
    if not _mine(run).exists():
        return False
    progress.write(run)
    return True


def _mine(run: Run) -> QuerySet[Run]:
    return Run.objects.filter(
        pk=run.pk,
        state=Run.State.STARTED,
        candidate__state=Candidate.State.RUNNING,
        candidate__token=run.token,
    )


def _generate(candidate: Candidate, run: Run, is_lost: pipeline.Asked, progress: Progress) -> None:
    version = candidate.origin.agent_version
    try:
        product = pipeline.generate(candidate, version, run.token, cancelled=is_lost, progress=progress)
        _finish(candidate, run, product)
    except pipeline.Failed as why:
        _fail(candidate, run, why)
    except (pipeline.Cancelled, WrongState):
        logger.info("Run %s was taken from this worker.", run.pk)
    except Exception:
        # A bug of ours stays one, and is never held against the agent.
        _fail(
            candidate, run, pipeline.Failed(Failure.MACHINE, "Our own code failed; the worker's log has it.")
        )
        raise


@transaction.atomic
def _finish(candidate: Candidate, run: Run, product: pipeline.Product) -> None:
    finished = product.finished
    candidate.finish(token=run.token, **product.fields)
    snapshots.keep(candidate, product.memory)
    held.keep(candidate, product.hits)
    run.end(
        Run.State.SUCCEEDED,
        seconds=finished.seconds if finished else None,
        exit_code=finished.exit_code if finished else None,
        whole_patch=product.whole_patch,
    )
    _keep_log(run, product.finished)


@transaction.atomic
def _fail(candidate: Candidate, run: Run, why: pipeline.Failed) -> None:
    """An agent's own failure is final. Another's fault is tried again, by this candidate alone, after a while."""
    tries = candidate.runs.filter(counted=True).count()
    pause = retries.wait(why.fault, tries, coin=source().coin("retry"), retry_after=why.retry_after)
    try:
        if pause is None:
            candidate.fail(why.kind, token=run.token)
        else:
            candidate.give_back(token=run.token)  # the sweep rings once the pause is over
    except WrongState:
        logger.info("Run %s was taken from this worker.", run.pk)
        return
    finished = why.finished
    run.end(
        Run.State.FAILED,
        sentence=why.sentence,
        seconds=finished.seconds if finished else None,
        exit_code=finished.exit_code if finished else None,
        retry_at=None if pause is None else Now() + timedelta(seconds=pause),
    )
    _keep_log(run, finished)


def _keep_log(run: Run, finished: Finished | None) -> None:
    """The whole of it instead of the end that could be watched."""
    if finished:
        RunLog.objects.update_or_create(
            run=run,
            defaults={
                "stdout": finished.stdout,
                "stderr": finished.stderr,
                "truncated": finished.truncated,
            },
        )


@shared_task
def requeue_stuck_candidates() -> int:
    """The sweep: silent runs are ended, what waits is rung again, left directories are removed."""
    experiments.heed_provider_budgets()
    stuck.halt_runs()
    ended = stuck.requeue_silent_runs()
    stuck.ring_again()
    for turn_id in turns.without_pair():
        ring("tasks.jobs.open_pair", turn_id)
    places.sweep_run_directories()
    return ended


@shared_task
def requeue_preparations() -> int:
    """The sweep: what waits is rung again, and this machine has a key that tokens can be sealed for."""
    hosts.make_key()
    return stuck.ring_for_preparations()


@shared_task
def tidy() -> None:
    """Removes what is no longer kept, and measures what is. Safe to ring twice."""
    retention.tidy()
    retention.measure()
