"""What an admin does about a repository: mend its recipe, waive its tests, copy it again, retire it."""

from __future__ import annotations

from collections.abc import Mapping

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Count

from marlin.events import record
from marlin.jobs import ring
from marlin.models import User
from tasks.models import Environment, Repository, Task

RECIPE = (
    *("language", "licence", "setup_command", "setup_hosts", "test_command", "report_path"),
    *("check_commands", "test_seconds"),
)


class Refused(Exception):
    """It cannot be done as things stand; the sentence says why."""


@transaction.atomic
def mend(repository: Repository, fields: Mapping[str, object], *, by: User) -> None:
    """Keep the recipe. Where it changes what is run, environments that failed are tried again."""
    before = {name: getattr(repository, name) for name in RECIPE}
    for name in RECIPE:
        setattr(repository, name, fields[name])
    repository.save(update_fields=RECIPE)
    changed = sorted(name for name in RECIPE if before[name] != fields[name])
    if not changed:
        return
    record("repository.mended", repository, by=by, changed=changed)
    if {"setup_command", "setup_hosts", "test_command", "report_path", "test_seconds"} & set(changed):
        for environment in repository.environments.filter(state=Environment.State.BROKEN):
            try_again(environment, by=by)


@transaction.atomic
def try_again(environment: Environment, *, by: User) -> None:
    """Prove it once more. Raises WrongState when it is not broken (any more)."""
    environment.retry(by=by)
    repository = environment.repository
    if repository.state == Repository.State.BROKEN and repository.head == environment.base_commit:
        repository.test_again(by=by)
    ring("tasks.jobs.prepare_environment", environment.pk)


@transaction.atomic
def waive(environment: Environment, because: str, *, by: User) -> None:
    """Use it though its own tests fail. Needs a reason. Raises Refused, WrongState."""
    if not because.strip():
        raise Refused("Say why its tests need not pass; the reason stays with it.")
    environment.waive(by=by, because=because.strip())
    repository = environment.repository
    if repository.state == Repository.State.BROKEN and repository.head == environment.base_commit:
        repository.waive(by=by, because=because.strip())
    ring("tasks.jobs.open_tasks")


@transaction.atomic
def retire(repository: Repository, *, by: User) -> None:
    """No new scenarios and tasks; what is under way goes on. Raises WrongState while a job is at it."""
    repository.retire(by=by)


@transaction.atomic
def copy_again(repository: Repository, *, by: User) -> None:
    """Raises Refused for one that came without files, WrongState when it is being copied already."""
    if repository.patch_only:
        raise Refused("It was imported without its files, so there is nothing to copy.")
    if not repository.url and not repository.upload:
        raise Refused("It was sent as a file. Send a newer one.")
    repository.refresh(by=by)
    ring("tasks.jobs.clone_repository", repository.pk)


@transaction.atomic
def send_again(repository: Repository, archive: UploadedFile, *, by: User) -> None:
    """Unpack a newer bundle or tarball. Raises Refused for one that is copied from an address, WrongState."""
    if repository.url or repository.patch_only:
        raise Refused("It is copied from its address; a file would be overwritten by the next copy.")
    repository.refresh(by=by)
    repository.upload, repository.uploaded_as = archive, str(archive.name)[:255]
    repository.save(update_fields=["upload", "uploaded_as"])
    ring("tasks.jobs.clone_repository", repository.pk)


def uses(repository: Repository) -> dict[str, int]:
    """How it has been used: scenarios and tasks by state, in words."""
    scenarios = repository.scenarios.values("state").annotate(number=Count("pk")).order_by("state")
    tasks = (
        Task.objects.filter(scenario__repository=repository)
        .values("state")
        .annotate(number=Count("pk"))
        .order_by("state")
    )
    counted = {f"Scenarios, {row['state'].replace('_', ' ')}": row["number"] for row in scenarios}
    return counted | {f"Tasks, {row['state'].replace('_', ' ')}": row["number"] for row in tasks}
