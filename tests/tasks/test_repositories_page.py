"""The admin's page of repositories: add one, watch it, copy it again."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from marlin.models import Event
from marlin.uploads import left_out
from tasks.models import Environment, Repository
from tests import factories

PAGE = "/repositories/"
TYPED = {
    "name": "tide",
    "url": "https://example.org/tide.git",
    "language": "Python",
    "licence": "MIT",
    "setup_command": "pip install .",
    "test_command": "pytest -q",
    "test_seconds": "900",
}


@pytest.fixture
def admin(client, ada):
    client.force_login(ada)
    return client


@pytest.fixture
def repository(db: None) -> Repository:
    return factories.make_repository(name="tide")


def test_the_empty_list_invites_to_add_one(admin):
    page = admin.get(PAGE)

    assert page.status_code == 200
    assert b"None yet." in page.content


def test_the_list_shows_name_address_and_state(admin, repository):
    content = admin.get(PAGE).content.decode()

    assert repository.name in content
    assert repository.url in content
    assert "Usable" in content


def test_words_state_order_and_page_stand_in_the_address(admin):
    for name, state in (("heron", "usable"), ("herring", "retired"), ("kestrel", "usable")):
        Repository.objects.create(name=name, url=f"https://example.org/{name}.git", state=state)

    found = admin.get(f"{PAGE}?q=her&sort=-name&page=7").content.decode()
    usable = admin.get(f"{PAGE}?state=usable").content.decode()
    nothing = admin.get(f"{PAGE}?q=owl").content.decode()

    assert found.index(">herring<") < found.index(">heron<")
    assert ">kestrel<" not in found
    assert (">kestrel<" in usable, ">herring<" in usable) == (True, False)
    assert "None of these." in nothing


def test_adding_one_records_it_and_rings_for_its_copy(admin, ada, bells):
    answer = admin.post(PAGE, TYPED)

    repository = Repository.objects.get()
    assert (answer.status_code, answer.url) == (302, PAGE)
    assert {name: str(getattr(repository, name)) for name in TYPED} == TYPED
    assert repository.state == "cloning"
    assert bells == [("tasks.jobs.clone_repository", repository.pk)]
    event = Event.objects.get(name="repository.added")
    assert (event.actor, event.subject) == (ada, str(repository.public_id))


def test_adding_one_twice_is_sent_back(admin, bells):
    admin.post(PAGE, TYPED)

    again = admin.post(PAGE, TYPED)

    assert again.status_code == 422
    assert Repository.objects.count() == 1
    assert len(bells) == 1


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://example.org/tide.git", "Only https:// addresses are allowed."),
        ("git://example.org/tide.git", "Only https:// addresses are allowed."),
        ("ssh://git@example.org/tide.git", "Only https:// addresses are allowed."),
        ("https://user:secret@example.org/tide.git", "must not contain a user name or password"),
        ("https://localhost/tide.git", "this machine or of a private network"),
        ("https://10.0.0.1/tide.git", "this machine or of a private network"),
        ("--upload-pack=touch", "must not begin with a dash"),
        ("ext::sh", "Remote helpers are not allowed"),
        ("/srv/tide", "only by a development setting"),
        ("", "Give an address, or send a file"),
    ],
)
def test_an_address_that_is_not_allowed_is_refused_with_a_sentence(admin, bells, settings, url, sentence):
    settings.ALLOW_LOCAL_REPOSITORIES = False

    page = admin.post(PAGE, TYPED | {"url": url})

    assert page.status_code == 422
    assert sentence in page.content.decode()
    assert not Repository.objects.exists()
    assert bells == []


def test_a_form_that_is_refused_keeps_what_was_typed(admin, bells):
    page = admin.post(PAGE, TYPED | {"url": "http://example.org/tide.git"})

    content = page.content.decode()
    for typed in ("tide", "http://example.org/tide.git", "Python", "MIT", "pip install .", "pytest -q"):
        assert typed in content
    assert 'aria-invalid="true"' in content


def test_what_was_typed_is_escaped(admin, bells):
    page = admin.post(PAGE, TYPED | {"name": "<script>alert(1)</script>", "url": "http://x"})

    assert b"<script>alert(1)" not in page.content


def test_a_row_asks_again_while_a_job_is_at_it_and_then_stops(admin, repository, ada):
    address = reverse("tasks:repository_row", args=[repository.public_id])
    assert b"hx-trigger" not in admin.get(address).content

    repository.refresh(by=ada)
    row = admin.get(address)

    assert b'hx-trigger="every 2s"' in row.content
    assert b"<html" not in row.content


def test_a_broken_repository_says_why(admin):
    repository = Repository.objects.create(name="tide", url="https://example.org/tide.git")
    repository.breaks("The host example.org could not be found.")

    assert b"The host example.org could not be found." in admin.get(PAGE).content


def test_copying_again_rings_once_however_often_it_is_clicked(admin, repository, bells):
    address = reverse("tasks:refresh_repository", args=[repository.public_id])

    answers = [admin.post(address) for _ in range(2)]

    assert [answer.url for answer in answers] == [
        reverse("tasks:repository", args=[repository.public_id])
    ] * 2
    assert Repository.objects.get().state == "cloning"
    assert bells == [("tasks.jobs.clone_repository", repository.pk)]


def test_copying_again_rejects_get(admin, repository):
    assert admin.get(reverse("tasks:refresh_repository", args=[repository.public_id])).status_code == 405


@pytest.mark.parametrize("name", ["tasks:repository_row", "tasks:refresh_repository"])
def test_a_repository_that_does_not_exist_is_not_found(admin, name):
    address = reverse(name, args=["00000000-0000-4000-8000-000000000000"])

    assert admin.get(address).status_code in {404, 405}
    assert admin.post(address).status_code in {404, 405}


@pytest.mark.parametrize("name", ["tasks:repository_row", "tasks:refresh_repository"])
def test_for_a_rater_repositories_do_not_exist(client, riley, repository, name):
    client.force_login(riley)
    address = reverse(name, args=[repository.public_id])

    assert client.get(address).status_code == 404
    assert client.post(address).status_code == 404
    assert Repository.objects.get().state == "usable"


# --- One repository -----------------------------------------------------------------------------------------------


@pytest.fixture
def broken(repository) -> Environment:
    """A repository whose tests fail at its head."""
    environment = Environment.objects.create(repository=repository, base_commit=repository.head)
    environment.breaks("2 tests fail.", token=environment.take_lease("baseline", 60), log="E   <assert>")
    Repository.objects.filter(pk=repository.pk).update(state="broken", failure="2 tests fail.")
    return environment


def act(admin, environment, tail, **posted):
    return admin.post(
        f"/repositories/{environment.repository.public_id}/environments/{environment.pk}/{tail}",
        posted,
        follow=True,
    )


def states(environment):
    return [
        Environment.objects.get(pk=environment.pk).state,
        Repository.objects.get(pk=environment.repository_id).state,
    ]


def test_its_page_shows_what_is_wrong_and_the_log(admin, broken):
    page = admin.get(f"/repositories/{broken.repository.public_id}/").content.decode()

    assert "2 tests fail." in page
    assert "E   &lt;assert&gt;" in page


def test_tests_are_waived_for_a_reason_alone(admin, broken, bells):
    refused = act(admin, broken, "waive", because=" ")
    assert "Say why its tests need not pass" in refused.content.decode()
    assert states(broken) == ["broken", "broken"]

    page = act(admin, broken, "waive", because="Known to fail on this machine")

    assert states(broken) == ["usable", "usable"]
    assert "Known to fail on this machine" in page.content.decode()
    assert ("tasks.jobs.open_tasks",) in bells


def test_trying_again_twice_rings_once(admin, broken, bells):
    for _ in range(2):
        act(admin, broken, "again")

    assert states(broken) == ["baseline", "baseline"]
    assert bells == [("tasks.jobs.prepare_environment", broken.pk)]


def test_a_mended_recipe_is_tried_and_a_wrong_one_comes_back(admin, broken, bells):
    address = f"/repositories/{broken.repository.public_id}/"
    typed = {
        "language": "Python",
        "licence": "MIT",
        "setup_command": "",
        "test_command": "true",
        "test_seconds": "x",
    }
    refused = admin.post(address, typed)
    assert refused.status_code == 422
    assert 'value="x"' in refused.content.decode()

    admin.post(address, typed | {"test_seconds": "60"})

    assert states(broken) == ["baseline", "baseline"]
    assert Event.objects.filter(name="repository.mended").count() == 1


def test_a_retired_repository_takes_no_scenarios(admin, repository):
    admin.post(f"/repositories/{repository.public_id}/retire")

    assert repository.is_now("retired")


def test_progress_is_asked_for_only_while_something_runs(admin, repository, broken):
    address = f"/repositories/{repository.public_id}/progress"
    assert b"hx-trigger" not in admin.get(address).content

    broken.retry()

    assert b'hx-trigger="every 2s"' in admin.get(address).content


def archive(name: str = "tide.bundle", size: int = 10) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, b"x" * size)


def test_a_file_is_kept_for_the_job_under_a_name_of_ours(admin, bells):
    answer = admin.post(PAGE, TYPED | {"url": "", "archive": archive("../tide.bundle")})

    repository = Repository.objects.get()
    assert (answer.status_code, repository.uploaded_as) == (302, "tide.bundle")
    assert repository.upload.name.startswith("uploads/")
    assert repository.upload.size == 10
    assert bells == [("tasks.jobs.clone_repository", repository.pk)]
    assert "sent as tide.bundle" in admin.get(PAGE).content.decode()


def test_a_file_beside_an_address_and_one_that_is_too_large_are_refused_by_name(admin, bells, settings):
    both = admin.post(PAGE, TYPED | {"archive": archive()})
    settings.UPLOAD_BYTES = 100_000
    large = admin.post(PAGE, TYPED | {"url": "", "archive": archive(size=300_000)})

    assert "Give an address, or send a file" in both.content.decode()
    assert "The file is larger than 100,000 bytes" in large.content.decode()
    assert "pytest -q" in large.content.decode()
    assert (both.status_code, large.status_code, Repository.objects.count()) == (422, 422, 0)


def test_a_newer_file_is_unpacked_again_but_not_over_an_address(admin, bells, repository):
    admin.post(f"{PAGE}{repository.public_id}/send", {"archive": archive()})
    assert Repository.objects.get().state == "usable"
    Repository.objects.update(url="", uploaded_as="old.tar")

    answer = admin.post(f"{PAGE}{repository.public_id}/send", {"archive": archive("new.tar")})

    repository.refresh_from_db()
    assert (answer.status_code, repository.state, repository.uploaded_as) == (302, "cloning", "new.tar")
    assert bells == [("tasks.jobs.clone_repository", repository.pk)]


def test_files_of_others_fill_no_disk(client, riley, settings):
    client.force_login(riley)
    request = client.post("/scenarios/preview", {"prompt": "x", "file": archive()}).wsgi_request

    assert list(request.FILES) == []
    assert left_out(request) == "Only admins send files."
