"""Stores imported tasks as approved scenarios, with their repositories."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marlin.events import record
from tasks.generation import places
from tasks.git import mirrors
from tasks.git.command import GitFailed
from tasks.importing.formats import Instance, instance_of
from tasks.importing.reading import Reader, Tally
from tasks.importing.rows import Refused
from tasks.models import Category, Environment, ImportSource, Reference, Repository, Scenario
from tasks.repeats import bands

WAIVED = "Imported: what was recorded elsewhere is not tested here."
CATEGORIES = frozenset(Category.values)
HOST = "https://github.com"


class Instances:
    """Reads tasks of one data set. `repositories` holds bare repositories called owner+name, when there are any."""

    def __init__(self, dataset: str, repositories: Path | None = None) -> None:
        self._dataset = dataset
        self._folder = repositories
        self._known: dict[str, Repository | Refused] = {}

    @property
    def reader(self) -> Reader[Instance]:
        return Reader(self._parse, self._store)

    def _parse(self, row: Mapping[str, Any]) -> Instance:
        return instance_of(row, CATEGORIES)

    def _store(self, batch: list[tuple[int, Instance]], source: ImportSource, tally: Tally) -> None:
        there = _imported_as(name_of(self._dataset, instance.key) for _, instance in batch)
        new: dict[str, tuple[int, Instance, Repository]] = {}
        for line, instance in batch:
            name = name_of(self._dataset, instance.key)
            if name in there or name in new:
                tally.known += 1
                continue
            try:
                new[name] = (line, instance, self._repository(instance))
            except Refused as why:
                tally.refuse(line, str(why))
        _keep(new)
        tally.added += len(new)

    def _repository(self, instance: Instance) -> Repository:
        """Raises Refused when it cannot be had or lacks the commit."""
        name = instance.repository
        if name not in self._known:
            self._known[name] = self._found(name)
        repository = self._known[name]
        if isinstance(repository, Refused):
            raise repository
        if not repository.patch_only:
            mirror = places.mirror_of(repository)
            if not mirrors.has_commit(mirror, instance.base_commit):
                raise Refused(f"The commit {instance.base_commit} is not in {name}.")
        return repository

    def _found(self, name: str) -> Repository | Refused:
        bare = self._bare(name)
        repository, is_new = Repository.objects.get_or_create(
            name=name,
            defaults={
                "url": f"{HOST}/{name}",
                "state": Repository.State.USABLE,
                "patch_only": bare is None,
                "waived_because": WAIVED,
            },
        )
        if is_new:
            record("repository.imported", repository, after=repository.state)
        if repository.state != Repository.State.USABLE:
            return Refused(f"{name} is {repository.get_state_display().lower()} here and takes no new tasks.")
        if bare is not None and (is_new or repository.patch_only):
            return _copied(repository, bare)
        return repository

    def _bare(self, name: str) -> Path | None:
        if self._folder is None:
            return None
        stem = name.replace("/", "+")
        places_to_look = (self._folder / stem, self._folder / f"{stem}.git")
        return next((path for path in places_to_look if path.is_dir()), None)


def name_of(dataset: str, key: str) -> str:
    """What an imported scenario is known as."""
    return f"{dataset}:{key}"


def _imported_as(names: Any) -> set[str]:
    known = Scenario.objects.filter(imported_as__in=list(names)).values_list("imported_as", flat=True)
    return {name for name in known if name}


def _copied(repository: Repository, bare: Path) -> Repository | Refused:
    """The mirror of a repository that lies on this machine: whoever runs the command vouches for it."""
    try:
        mirror = places.mirror_of(repository)
        mirrors.mirror(str(bare), mirror, allow_local=True)
        repository.head = mirrors.resolve(mirror, "HEAD")
    except GitFailed as why:
        return Refused(f"{bare.name}: {why}")
    repository.patch_only = False
    repository.save(update_fields=["patch_only", "head"])
    return repository


def _keep(new: Mapping[str, tuple[int, Instance, Repository]]) -> None:
    scenarios = Scenario.objects.bulk_create(
        Scenario(
            repository=repository,
            base_commit=instance.base_commit,
            state=Scenario.State.APPROVED,
            category=instance.category,
            title=instance.title,
            prompt=instance.prompt,
            bands=bands(instance.prompt),
            effort_hours=instance.effort_hours,
            imported_as=name,
            **instance.write_up,
        )
        for name, (_, instance, repository) in new.items()
    )
    Reference.objects.bulk_create(
        Reference(
            scenario=scenario,
            patch=instance.patch,
            test_patch=instance.test_patch,
            fail_to_pass=list(instance.fail_to_pass),
            pass_to_pass=list(instance.pass_to_pass),
        )
        for scenario, (_, instance, _) in zip(scenarios, new.values(), strict=True)
    )
    # A repository that somebody set up here proves its commits itself; what was only imported is not tested.
    imported = [
        (repository, instance.base_commit)
        for _, instance, repository in new.values()
        if not repository.test_command.strip()
    ]
    Environment.objects.bulk_create(
        (
            Environment(
                repository=repository,
                base_commit=commit,
                state=Environment.State.USABLE,
                waived_because=WAIVED,
            )
            for repository, commit in dict.fromkeys(imported)
        ),
        ignore_conflicts=True,
    )
