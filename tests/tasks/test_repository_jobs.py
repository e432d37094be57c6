"""Copying a repository and proving its environment: real git, the real sandbox, a sentence for every failure."""

from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import TestCase

import tasks.jobs
from marlin.models import Event
from tasks.generation import environment as environments
from tasks.generation import places, prepared, progress
from tasks.git import mirrors
from tasks.models import Environment, Repository
from tests import factories, repositories

BROKEN = {**repositories.FILES, "tide.py": "def height(hour):\n    return 0\n"}


@pytest.fixture
def source(reachable: Path) -> Path:
    repositories.write_origin(make(reachable / "source"), repositories.FILES)
    return reachable / "source"


@pytest.fixture
def repository(db: None, source: Path) -> Repository:
    return add(source)


def make(folder: Path) -> Path:
    folder.mkdir()
    return folder


def add(source: Path, **fields: object) -> Repository:
    defaults = {"name": "tide", "url": str(source), "test_command": repositories.TEST_COMMAND}
    return Repository.objects.create(**(defaults | fields))


def clone(repository: Repository) -> Repository:
    tasks.jobs.clone_repository(repository.pk)
    repository.refresh_from_db()
    return repository


def prove(repository: Repository, commit: str = repositories.COMMIT) -> Environment:
    environment, _ = Environment.objects.get_or_create(repository=repository, base_commit=commit)
    tasks.jobs.prepare_environment(environment.pk)
    environment.refresh_from_db()
    return environment


def test_a_copied_repository_knows_its_head_and_waits_for_its_tests(repository, bells):
    clone(repository)

    environment = Environment.objects.get()
    assert (repository.state, repository.head) == ("baseline", repositories.COMMIT)
    assert repository.languages == [["Python", 100]]
    assert mirrors.has_commit(places.mirror_of(repository), repositories.COMMIT)
    assert bells == [("tasks.jobs.prepare_environment", environment.pk)]


def test_a_repository_whose_tests_pass_becomes_usable(repository, bells):
    clone(repository)

    environment = prove(repository)

    repository.refresh_from_db()
    assert (environment.state, repository.state) == ("usable", "usable")
    assert environment.evidence["passed"] == 1
    assert ("tasks.jobs.open_tasks",) in bells


def test_what_is_printed_is_kept_while_it_runs_and_afterwards(repository, bells, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 0.0)
    seen = []
    write = progress.Log.keep
    monkeypatch.setattr(progress.Log, "keep", lambda log: (write(log), seen.append(log.text())))

    clone(repository)
    environment = prove(repository)

    assert len(seen) > 2
    assert "Counting objects: 100%" in Repository.objects.get().log
    assert "Ran 1 test" in environment.log


def test_a_bundle_that_was_sent_is_unpacked_and_then_let_go(db, source, bells):
    made = source.with_name("tide.bundle")
    repositories._git(source, "bundle", "create", "--quiet", str(made), "--all")
    sent = ContentFile(made.read_bytes(), "tide.bundle")
    repository = add(source, url="", upload=sent, uploaded_as="tide.bundle")
    sent = repository.upload.name

    with TestCase.captureOnCommitCallbacks(execute=True):
        clone(repository)

    assert (repository.state, repository.head) == ("baseline", repositories.COMMIT)
    assert (repository.upload.name, default_storage.exists(sent)) == ("", False)
    assert prove(repository).state == "usable"


def test_a_file_that_is_refused_ends_broken_with_the_reason_and_is_kept_for_nobody(db, source, bells):
    sent = ContentFile(b"not an archive", "a.tar")
    repository = clone(add(source, url="", upload=sent, uploaded_as="a.tar"))

    assert repository.state == "broken"
    assert repository.failure.startswith("This is neither a git bundle nor a tarball")


def test_a_repository_without_a_test_command_is_usable_without_evidence(db, source, bells):
    repository = clone(add(source, test_command=""))

    environment = prove(repository)

    assert environment.state == "usable"
    assert environment.evidence["sentence"] == "This repository has no test command."


def test_candidates_that_waited_for_the_environment_are_rung_for(db, bells):
    task = factories.make_task()
    environment = Environment.objects.get()
    Environment.objects.update(state="baseline")
    bells.clear()

    tasks.jobs.prepare_environment(environment.pk)

    candidates = task.turns.get().candidates.values_list("pk", flat=True)
    assert {("tasks.jobs.generate_candidate", pk) for pk in candidates} <= set(bells)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://example.org/tide.git", "Only https:// addresses are allowed."),
        ("https://user:secret@example.org/tide.git", "must not contain a user name or password"),
        ("ext::sh -c touch% /tmp/owned", "must not be empty or contain spaces"),
        ("--upload-pack=touch", "must not begin with a dash"),
        ("https://127.0.0.1/tide.git", "this machine or of a private network"),
        ("/no/such/folder", "does not"),
    ],
)
def test_an_address_that_cannot_be_copied_ends_broken_with_a_sentence(db, bells, url, sentence):
    repository = clone(Repository.objects.create(name="tide", url=url))

    assert repository.state == "broken"
    assert sentence in repository.failure
    assert "secret" not in repository.failure
    assert not places.mirror_of(repository).exists()


def test_local_paths_need_the_development_setting(repository, bells, settings):
    settings.ALLOW_LOCAL_REPOSITORIES = False

    clone(repository)

    assert repository.state == "broken"
    assert "development setting" in repository.failure


def test_a_repository_without_a_commit_ends_broken(db, reachable, bells):
    repositories._git(make(reachable / "empty"), "init", "--quiet")

    repository = clone(add(reachable / "empty"))

    assert repository.state == "broken"
    assert "is not a commit of this repository" in repository.failure


def test_a_commit_that_does_not_exist_is_named(repository, bells):
    clone(repository)

    environment = prove(repository, "b" * 40)

    assert environment.state == "broken"
    assert "b" * 40 in environment.failure
    assert "is not a commit of this repository" in environment.failure


def test_tests_that_fail_before_any_agent_are_named(db, reachable, bells):
    commit = repositories.write_origin(make(reachable / "failing"), BROKEN)
    repository = clone(add(reachable / "failing"))

    environment = prove(repository, commit)

    repository.refresh_from_db()
    assert (environment.state, repository.state) == ("broken", "broken")
    assert "1 of the repository's own tests fail at this commit: test_rises" in environment.failure
    assert repository.failure == environment.failure
    assert "AssertionError" in environment.log


@pytest.mark.parametrize(
    ("recipe", "sentence"),
    [
        ({"setup_command": "exit 1"}, "The set-up command failed. Mend the recipe, or waive it."),
        ({"test_command": "exit 3"}, "The test command failed; the log tells why. Mend the recipe"),
        ({"test_command": "sleep 1000", "test_seconds": 1}, "The tests did not finish in 1 seconds."),
    ],
    ids=["set-up", "tests", "time"],
)
def test_a_recipe_that_does_not_work_says_which_part(db, source, bells, recipe, sentence):
    repository = clone(add(source, **recipe))

    environment = prove(repository)

    assert environment.state == "broken"
    assert environment.failure.startswith(sentence)


def test_set_up_runs_once_and_every_test_gets_a_copy_of_what_it_made(db, source, bells):
    counted = "echo again >> times; echo mine > $HOME/settings; echo spoilt > tide.py"
    check = "cp times seen; echo tested >> times; test $(wc -l < seen) = 1 && test -f $HOME/settings"
    repository = clone(add(source, setup_command=counted, test_command=f"{check} && python3 -m unittest"))
    environment = prove(repository)
    assert environment.state == "usable", environment.failure

    with places.sandbox() as sandbox:
        ready = prepared.prepare(repository, repositories.COMMIT, sandbox)

    made = ready.template.path
    assert ready.template.left == {b"times"}
    assert (made / "files" / "times").read_text() == "again\n"
    assert (made / "files" / "tide.py").read_text() == repositories.FILES["tide.py"]


def test_another_set_up_command_is_another_template(repository):
    first = prepared.place_of(repository, repositories.COMMIT)
    repository.setup_command = "make ready"

    assert prepared.place_of(repository, repositories.COMMIT) != first


def test_whoever_waits_for_a_template_may_be_cancelled(repository, settings):
    repository = clone(repository)
    repository.setup_command = "true"
    place = prepared.place_of(repository, repositories.COMMIT)

    with mirrors.locked(place), places.sandbox() as sandbox, pytest.raises(prepared.Stopped):
        prepared.prepare(repository, repositories.COMMIT, sandbox, cancelled=lambda: True)


def test_a_mended_recipe_is_tried_again_at_the_same_commit(db, source, bells):
    repository = clone(add(source, test_command="exit 3"))
    prove(repository)
    repository.refresh_from_db()
    repository.test_command = repositories.TEST_COMMAND
    repository.save(update_fields=["test_command"])

    repository.refresh(by=factories.make_person("Ada", "admin"))
    clone(repository)
    environment = prove(repository)

    repository.refresh_from_db()
    assert (environment.state, repository.state) == ("usable", "usable")


def test_copying_again_follows_the_newest_commit(repository, source, bells):
    clone(repository)
    prove(repository)
    (source / "moon.py").write_text("PHASES = 8\n")
    repositories._git(source, "add", "--all")
    repositories._git(source, "commit", "--quiet", "--message", "Add the moon")
    repository.refresh_from_db()
    repository.refresh(by=factories.make_person("Ada", "admin"))

    clone(repository)

    assert repository.state == "baseline"
    assert repository.head == repositories._git(source, "rev-parse", "HEAD")


def test_copying_again_without_news_is_usable_at_once(repository, bells):
    clone(repository)
    prove(repository)
    repository.refresh_from_db()
    repository.refresh(by=factories.make_person("Ada", "admin"))

    assert clone(repository).state == "usable"


def test_ringing_twice_changes_nothing(repository, bells):
    clone(repository)
    clone(repository)
    environment = prove(repository)

    assert prove(repository).state == environment.state == "usable"
    assert Event.objects.filter(name="repository.baseline").count() == 1
    assert Event.objects.filter(name="environment.usable").count() == 1


@pytest.mark.parametrize("good", [True, False])
def test_a_copier_that_was_taken_for_dead_writes_nothing(db, source, bells, monkeypatch, good):
    repository = add(source if good else source.with_name("none"))
    copy = environments.clone

    def slow(late: Repository, *args: object, **kwargs: object) -> str:
        Repository.objects.update(token="another worker's")
        return copy(late, *args, **kwargs)

    monkeypatch.setattr(environments, "clone", slow)

    assert clone(repository).state == "cloning"
    assert not Environment.objects.exists()


@pytest.mark.parametrize("command", [repositories.TEST_COMMAND, "exit 3"], ids=["passing", "failing"])
def test_a_prover_that_was_taken_for_dead_writes_nothing(db, source, bells, monkeypatch, command):
    repository = clone(add(source, test_command=command))
    prove_it = environments.prove

    def slow(*args: object, **kwargs: object) -> object:
        Environment.objects.update(token="another worker's")
        return prove_it(*args, **kwargs)

    monkeypatch.setattr(environments, "prove", slow)

    assert prove(repository).state == "baseline"
    repository.refresh_from_db()
    assert repository.state == "baseline"


def test_a_repository_that_was_copied_while_its_environment_was_proven_becomes_usable(
    repository, bells, monkeypatch
):
    clone(repository)
    Repository.objects.update(state="cloning")
    prove_it = environments.prove

    def meanwhile(*args: object, **kwargs: object) -> object:
        Repository.objects.update(state="baseline")
        return prove_it(*args, **kwargs)

    monkeypatch.setattr(environments, "prove", meanwhile)

    prove(repository)

    assert Repository.objects.get().state == "usable"


def test_an_admin_may_waive_what_is_broken(db, reachable, bells, ada):
    commit = repositories.write_origin(make(reachable / "failing"), BROKEN)
    repository = clone(add(reachable / "failing"))
    environment = prove(repository, commit)

    environment.waive(by=ada, because="That test needs the network.")

    assert environment.state == "usable"
    assert Event.objects.get(name="environment.usable").why == "That test needs the network."


def test_mirrors_are_closed_to_agents_and_nothing_is_left_of_a_baseline(repository, bells):
    clone(repository)
    prove(repository)

    assert (settings.WORK_AREA / "mirrors").stat().st_mode & 0o077 == 0
    assert list((settings.WORK_AREA / "runs").iterdir()) == []
