"""The admin's pages of agent versions: added from a preset or as TOML, looked over by a worker, retired."""

import pytest

import tasks.jobs
from marlin.models import Event
from tasks import experiments, versions
from tasks.generation import doctor
from tasks.models import AgentCheck, AgentVersion, Experiment
from tests import factories

TYPED = {
    "preset": "command",
    "name": "Reader 2",
    "model": "reader-2",
    "provider": "Readers",
    "directory": "/opt/agents/reader",
}
TOML = """
name = "Reader 3"
model = "reader-3"
provider = "Readers"
harness = "reader"
harness_version = "3.1"
released_on = 2026-02-01

[settings]
argv = ["python3", "{agent}/read.py", "{prompt_file}"]
dialect = "openai-chat"

[settings.files]
".reader" = '''
quiet = "yes"
'''

[settings.env]
"GREETING" = "Ahoy “there”\\n"

[limits]
wall = 60
"""


@pytest.fixture
def admin(client, ada):
    client.force_login(ada)
    return client


@pytest.fixture
def version(db: None) -> AgentVersion:
    return factories.make_agent_version(name="Quillback 9", settings={"argv": ["sh", "-c", "echo I did."]})


def page_of(version: AgentVersion, tail: str = "") -> str:
    return f"/agents/{version.public_id}/{tail}"


def test_adding_from_a_preset_has_it_looked_over(admin, bells):
    answer = admin.post("/agents/", TYPED, follow=True)

    added = AgentVersion.objects.get(name="Reader 2")
    check = added.checks.get()
    assert "A worker looks it over" in answer.content.decode()
    assert ("tasks.jobs.check_agent", check.pk) in bells
    assert Event.objects.filter(name="agentversion.added", subject=str(added.public_id)).count() == 1


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"preset": "nobody"}, "Select a valid choice"),
        ({"preset": "codex", "directory": ""}, "needs the directory it is installed in"),
        ({"directory": "opt/agents"}, "must be an absolute path"),
        ({"name": "Quillback 9"}, "There is an agent version called “Quillback 9” already."),
        ({"model": ""}, "This field is required."),
    ],
)
def test_what_cannot_be_added_comes_back_with_the_reason(admin, version, changed, says):
    answer = admin.post("/agents/", TYPED | changed)

    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert AgentVersion.objects.count() == 1


def test_a_version_can_be_copied_as_toml(admin):
    provider = factories.make_provider(name="Readers")
    admin.post("/agents/written", {"toml": TOML})

    first = AgentVersion.objects.get(name="Reader 3")
    second = versions.add_written(versions.written(first).replace("Reader 3", "Reader 4"), by=None)

    assert first.settings["files"] == {".reader": 'quiet = "yes"\n'}
    assert first.settings["env"] == {"GREETING": "Ahoy “there”\n"}
    assert (first.limits, str(first.released_on)) == ({"wall": 60}, "2026-02-01")
    assert first.served_by == provider
    for name in ("settings", "limits", "harness", "harness_version", "model", "released_on", "served_by"):
        assert getattr(first, name) == getattr(second, name)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("name =", "name"), "This is not TOML"),
        (("provider =", "owner ="), "There is no “owner”"),
        (("argv", "arguments"), "needs “argv”"),
        (('"Reader 3"', "3"), "“name” must be a text."),
        (('harness = "reader"', ""), "It needs a harness."),
        (("2026-02-01", "2026-02-01T10:00:00"), "is a day"),
        (("Reader 3", "Quillback 9"), "already"),
        (("Reader 3", "R" * 101), "at most 100 characters"),
    ],
)
def test_toml_that_makes_no_version_is_refused(admin, version, change, says):
    answer = admin.post("/agents/written", {"toml": TOML.replace(*change)})

    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert AgentVersion.objects.count() == 1


def test_a_check_is_asked_for_once_and_told_on_the_page(admin, version, monkeypatch):
    found = [
        doctor.Finding("program", True, "sh is there."),
        doctor.Finding("prompt", False, "<b>No</b> key."),
    ]
    monkeypatch.setattr(doctor, "examine", lambda version: iter(found))
    admin.post(page_of(version, "check"))
    admin.post(page_of(version, "check"))
    check = AgentCheck.objects.get()
    waiting = admin.get(page_of(version, "check")).content.decode()

    tasks.jobs.check_agent(check.pk)
    tasks.jobs.check_agent(check.pk)

    done = admin.get(page_of(version, "check")).content.decode()
    assert "every 1s" in waiting
    assert "every 1s" not in done, "it asks no longer"
    assert "&lt;b&gt;No&lt;/b&gt; key." in done
    assert "not fit" in admin.get("/agents/").content.decode()
    assert Event.objects.filter(name="agentversion.check_asked").count() == 1


def test_a_check_that_breaks_says_so_and_can_be_asked_again(version, monkeypatch):
    def breaks(version):
        yield doctor.Finding("settings", True, "The settings make sense.")
        raise ZeroDivisionError

    monkeypatch.setattr(doctor, "examine", breaks)
    check = versions.ask_check(version, by=None)

    with pytest.raises(ZeroDivisionError):
        tasks.jobs.check_agent(check.pk)

    check.refresh_from_db()
    assert check.state == AgentCheck.State.DONE
    assert [finding["well"] for finding in check.findings] == [True, False]
    assert versions.ask_check(version, by=None) != check


def test_a_retired_version_is_in_no_new_experiment(admin, version):
    draft = Experiment.objects.create(name="Later", rubric=factories.make_rubric(), rate=1)
    for position, arm in enumerate((version, factories.make_agent_version())):
        draft.arms.create(agent_version=arm, position=position)
    admin.post(page_of(version, "retire"))
    admin.post(page_of(version, "retire"))

    version.refresh_from_db()
    assert version.state == AgentVersion.State.RETIRED
    assert "Quillback 9" not in admin.get("/experiments/new").content.decode()
    with pytest.raises(experiments.Refused, match="Quillback 9 is retired"):
        experiments.start(draft, by=None)
    admin.post(page_of(version, "restore"))
    version.refresh_from_db()
    assert version.state == AgentVersion.State.ACTIVE
    names = Event.objects.filter(subject=str(version.public_id)).order_by("pk").values_list("name", flat=True)
    assert list(names) == ["agentversion.retired", "agentversion.active"]


def test_the_list_asks_no_more_for_more_rows(admin, version, django_assert_max_num_queries):
    def queries() -> int:
        with django_assert_max_num_queries(30) as asked:
            assert admin.get("/agents/?q=quillback").status_code == 200
        return len(asked)

    before = queries()
    for _ in range(5):
        versions.ask_check(factories.make_agent_version(), by=None)
    assert queries() == before
