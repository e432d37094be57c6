"""A Git repository we may work in, and its environment at one commit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from django.conf import settings
from django.db import models
from django.db.models import Q

from marlin.models import User
from marlin.sources import new_public_id, now, source
from tasks.models.worker import LeasedToWorker


def upload_name(repository: Repository, name: str) -> str:
    """Nobody chooses a path in our storage."""
    return f"uploads/{source().token('upload')}"


class Repository(LeasedToWorker):
    """A Git repository we may work in, with its environment recipe."""

    class State(models.TextChoices):
        CLONING = "cloning"  # a job copies it
        BASELINE = "baseline"  # copied; set-up and its own tests are to run
        USABLE = "usable"  # its tests pass, or an admin said why they need not
        BROKEN = "broken"  # see `failure`; may be tried again
        RETIRED = "retired"  # no new scenarios

    TRANSITIONS = {
        State.CLONING: {State.BASELINE, State.BROKEN},
        State.BASELINE: {State.USABLE, State.BROKEN},
        State.BROKEN: {State.USABLE, State.CLONING, State.BASELINE, State.RETIRED},
        State.USABLE: {State.CLONING, State.RETIRED},
        State.RETIRED: set(),
    }

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    name = models.CharField(max_length=100, unique=True)
    #: Empty when it was sent as a file.
    url = models.CharField(max_length=500, blank=True)
    #: A bundle or tarball that waits for the job that unpacks it; gone when it is copied.
    upload = models.FileField(upload_to=upload_name, blank=True)
    uploaded_as = models.CharField(max_length=255, blank=True)
    language = models.CharField(max_length=40, blank=True)
    #: [name, percent of the code], as the newest commit has it.
    languages = models.JSONField(default=list)
    licence = models.CharField(max_length=40, blank=True)
    setup_command = models.TextField(blank=True)
    #: Beside those of the installation, one a line: what set-up may download from, by https.
    setup_hosts = models.TextField(blank=True)
    test_command = models.TextField(blank=True)
    #: Where the tests write JUnit XML, if they do: a path or a pattern such as build/**/*.xml.
    report_path = models.CharField(max_length=200, blank=True)
    #: Linters and builds, one a line: a name, a colon, a command.
    check_commands = models.TextField(blank=True)
    test_seconds = models.PositiveIntegerField(default=600)
    #: None copies the whole past of a base commit for the agents, 1 the commit alone.
    depth = models.PositiveIntegerField(null=True, blank=True, default=1)
    #: Imported with patches alone: nobody has its files, so nothing can be run or shown around a change.
    patch_only = models.BooleanField(default=False)
    state = models.CharField(max_length=20, choices=State, default=State.CLONING)
    head = models.CharField(max_length=40, blank=True)
    failure = models.TextField(blank=True)
    #: What git told while it copied.
    log = models.TextField(blank=True)
    waived_because = models.TextField(blank=True)
    added_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name_plural = "repositories"
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="broken") | ~Q(failure=""), name="broken_repository_says_why"
            ),
        ]

    @property
    def takes_a_file(self) -> bool:
        """It came as one, and is not busy or retired."""
        return bool(self.uploaded_as) and self.state in (self.State.USABLE, self.State.BROKEN)

    @property
    def is_copied_again(self) -> bool:
        """There is something to copy it from."""
        return bool(self.upload) or bool(self.url and not self.patch_only)

    @property
    def address(self) -> str:
        """Where it comes from, in words."""
        return self.url or f"sent as {self.uploaded_as}"

    def hosts(self) -> list[str]:
        """What set-up may reach, in small letters."""
        return sorted({*settings.SETUP_HOSTS, *self.setup_hosts.lower().split()})

    def recipe(self) -> str:
        """A digest of all that decides how a candidate of this repository is prepared and tested."""
        fields = ("setup_command", "test_command", "report_path", "check_commands", "test_seconds", "depth")
        told = json.dumps({name: getattr(self, name) for name in fields}, sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()

    def checks(self) -> list[tuple[str, str]]:
        """(name, command) of each check beside the tests."""
        named = (line.partition(":") for line in self.check_commands.splitlines())
        return [
            (name.strip(), script.strip()) for name, _, script in named if name.strip() and script.strip()
        ]

    def cloned(self, *, head: str, token: str, languages: Sequence[tuple[str, int]] = ()) -> None:
        self.move_to(
            self.State.BASELINE,
            held=token,
            head=head,
            languages=list(languages),
            failure="",
            upload="",
            lease_until=None,
        )

    def passes(self) -> None:
        self.move_to(self.State.USABLE, failure="")

    def breaks(self, why: str, *, token: str | None = None) -> None:
        self.move_to(self.State.BROKEN, held=token, failure=why, why=why, lease_until=None)

    def waive(self, *, by: User, because: str) -> None:
        self.move_to(self.State.USABLE, by=by, why=because, waived_because=because)

    def test_again(self, *, by: User) -> None:
        """The recipe was mended, or the tests are tried once more; the copy is good."""
        self.move_to(self.State.BASELINE, by=by, failure="")

    def refresh(self, *, by: User) -> None:
        self.move_to(self.State.CLONING, by=by, lease_until=None)

    def retire(self, *, by: User) -> None:
        self.move_to(self.State.RETIRED, by=by)


class Environment(LeasedToWorker):
    """A repository at one base commit, set up, with its own tests run once."""

    class State(models.TextChoices):
        BASELINE = "baseline"  # set-up and tests are to run
        USABLE = "usable"  # tests pass, or an admin said why they need not
        BROKEN = "broken"  # see `failure`

    TRANSITIONS = {
        State.BASELINE: {State.USABLE, State.BROKEN},
        State.BROKEN: {State.USABLE, State.BASELINE},
        State.USABLE: set(),
    }

    repository = models.ForeignKey(Repository, on_delete=models.PROTECT, related_name="environments")
    base_commit = models.CharField(max_length=40)
    state = models.CharField(max_length=20, choices=State, default=State.BASELINE)
    failure = models.TextField(blank=True)
    log = models.TextField(blank=True)
    evidence = models.JSONField(default=dict)
    waived_because = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["repository", "base_commit"], name="one_environment_per_base_commit"
            ),
            models.CheckConstraint(
                condition=~Q(state="broken") | ~Q(failure=""), name="broken_environment_says_why"
            ),
        ]

    def passes(self, *, evidence: dict[str, object], log: str, token: str) -> None:
        self.move_to(self.State.USABLE, held=token, evidence=evidence, log=log, failure="", lease_until=None)

    def breaks(self, why: str, *, token: str, log: str = "") -> None:
        self.move_to(self.State.BROKEN, held=token, failure=why, why=why, log=log, lease_until=None)

    def waive(self, *, by: User, because: str) -> None:
        self.move_to(self.State.USABLE, by=by, why=because, waived_because=because)

    def retry(self, *, by: User | None = None) -> None:
        self.move_to(self.State.BASELINE, by=by, failure="", lease_until=None)


class Commit(models.Model):
    """A commit that a scenario may start from, listed when its repository was copied."""

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="commits")
    name = models.CharField(max_length=40)
    #: 0 is the newest.
    position = models.PositiveIntegerField()
    subject = models.CharField(max_length=300)
    author = models.CharField(max_length=100)
    committed_at = models.DateTimeField()
    #: Of the pull request that this commit merged, when its subject says so.
    merged = models.PositiveIntegerField(null=True)
    #: The first parent: the state before it.
    parent = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["repository", "name"], name="one_row_per_commit"),
        ]
        indexes = [models.Index(fields=["repository", "position"], name="commits_in_order")]


class MirrorKey(models.Model):
    """The public half of the key pair of a machine that copies repositories. Pages read it and cannot write it."""

    #: X25519, in hex.
    public = models.CharField(max_length=64, unique=True)


class HostToken(models.Model):
    """What opens the private repositories of a host, sealed for one machine that copies."""

    host = models.CharField(max_length=253)
    key = models.ForeignKey(MirrorKey, on_delete=models.CASCADE, related_name="tokens")
    sealed = models.BinaryField()
    kept_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["host", "key"], name="one_token_per_host_and_machine"),
        ]
