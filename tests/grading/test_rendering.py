"""A pair becomes two finished pages, once, or nothing at all."""

import gzip
import io

import pytest
from django.core.management import CommandError, call_command

from grading import jobs, rendering
from grading.diffs.version import VERSION
from grading.models import Fragment, PairPage, Picture, Trouble
from marlin.sources import Real, now, using
from tasks import turns
from tasks.contents import Contents
from tests import factories
from tests.races import race


@pytest.fixture
def turn(db):
    """Both sides are final; nothing is rendered."""
    return finish(factories.make_task().turns.get())


def finish(turn, attempt=1):
    for candidate in turn.candidates.filter(attempt=attempt):
        factories.finish_candidate(candidate)
    return turn


def test_both_orientations_are_stored(turn):
    one, other = turn.candidates.values_list("pk", flat=True)

    assert rendering.render(turn.pk, 1)

    pages = PairPage.objects.filter(turn=turn, attempt=1, version=VERSION)
    assert set(pages.values_list("left", "right")) == {(one, other), (other, one)}


def test_a_page_has_its_list_of_files_and_their_rows(turn):
    rendering.render(turn.pk, 1)

    for page in PairPage.objects.all():
        assert [entry["path"] for entry in page.index["files"]] == ["README.md"]
        for view in ("pair", "three", "direct"):
            assert "hello" in page.fragments.get(view=view, file=0, gap=0).html


def test_neither_key_nor_place_tells_which_orientation_was_first(turn):
    class Turned(Real):
        def shuffle(self, purpose, items):
            assert purpose == "orientations"
            items.reverse()

    one, other = turn.candidates.order_by("pk").values_list("pk", flat=True)
    with using(Turned()):
        rendering.render(turn.pk, 1)

    assert PairPage.objects.order_by("pk").values_list("left", "right")[0] == (other, one)


def test_rendering_twice_renders_once(turn):
    assert rendering.render(turn.pk, 1)
    before = list(PairPage.objects.values())

    assert not rendering.render(turn.pk, 1)

    assert list(PairPage.objects.values()) == before


def test_a_pair_with_an_unfinished_side_is_left_alone(db):
    turn = factories.make_task().turns.get()
    factories.finish_candidate(turn.candidates.all()[0])

    assert not rendering.render(turn.pk, 1)
    assert not PairPage.objects.exists()


def test_who_dies_half_way_leaves_nothing_and_the_next_one_finds_it_free(turn, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Fragment.objects, "bulk_create", die_after(1, Fragment.objects.bulk_create))
        with pytest.raises(RuntimeError, match="The worker died"):
            rendering.render(turn.pk, 1)

    assert not PairPage.objects.exists()
    assert not Fragment.objects.exists()
    assert rendering.waiting() == [(turn.pk, 1)]
    assert rendering.render(turn.pk, 1)


def die_after(times, function):
    calls = iter(range(times))

    def call(*arguments):
        if next(calls, None) is None:
            raise RuntimeError("The worker died.")
        return function(*arguments)

    return call


def test_eight_workers_at_once_store_two_pages(committed, bells):
    turn = finish(factories.make_task().turns.get())

    answers = race(*[lambda: rendering.render(turn.pk, 1)] * 8)

    assert sorted(answers) == [False] * 7 + [True]
    assert PairPage.objects.count() == 2


def test_a_new_attempt_gets_pages_of_its_own(turn):
    rendering.render(turn.pk, 1)
    turns.add_pair(turn, [candidate.origin.arm for candidate in turn.candidates.all()])

    assert rendering.waiting() == []
    assert not rendering.render(turn.pk, 2)

    finish(turn, attempt=2)
    assert rendering.waiting() == [(turn.pk, 2)]
    assert rendering.render(turn.pk, 2)
    assert PairPage.objects.filter(turn=turn, attempt=1).count() == 2
    assert PairPage.objects.filter(turn=turn, attempt=2).count() == 2


def test_what_waits_is_one_query_however_much_is_rendered(turn, django_assert_num_queries):
    rendering.render(turn.pk, 1)
    others = [finish(factories.make_task().turns.get()) for _ in range(3)]

    with django_assert_num_queries(1):
        waiting = rendering.waiting(2)

    assert waiting == [(other.pk, 1) for other in others[:2]]


def test_fragments_are_stored_some_at_a_time(turn, monkeypatch):
    monkeypatch.setattr(rendering, "AT_ONCE", 1)

    rendering.render(turn.pk, 1)

    assert [page.fragments.count() for page in PairPage.objects.all()] == [3, 3]


def test_pages_of_an_older_version_are_rendered_again(turn):
    rendering.render(turn.pk, 1)
    PairPage.objects.update(version=0)

    assert rendering.waiting() == [(turn.pk, 1)]
    assert rendering.render(turn.pk, 1)


def test_equal_rows_are_equal_bytes():
    body = Fragment.packed("<table></table>")

    assert body == Fragment.packed("<table></table>")
    assert body[4:8] == b"\0\0\0\0"  # no time in the header
    assert gzip.decompress(body) == b"<table></table>"


def test_equal_patches_give_equal_pages_either_way_round(turn):
    rendering.render(turn.pk, 1)

    one, other = PairPage.objects.all()
    assert one.index == other.index
    bodies = [
        [bytes(fragment.body) for fragment in page.fragments.order_by("view", "gap")] for page in (one, other)
    ]
    assert bodies[0] == bodies[1]


def test_a_failed_side_is_rendered_beside_the_finished_one(db):
    turn = factories.make_task(grades_failures=True).turns.get()
    failed, finished = turn.candidates.all()
    factories.fail_candidate(failed)
    factories.finish_candidate(finished)

    assert rendering.render(turn.pk, 1)

    for page in PairPage.objects.all():
        (entry,) = page.index["files"]
        touched = {"left": entry["left"] is not None, "right": entry["right"] is not None}
        assert touched == {"left": page.left == finished, "right": page.right == finished}


def test_the_pull_rings_for_each_pair_without_a_page(turn, bells):
    bells.clear()

    assert jobs.render_pairs() == 1
    jobs.render_pair(turn.pk, 1)
    jobs.render_pair(turn.pk, 1)  # rung twice

    assert bells == [("grading.jobs.render_pair", turn.pk, 1)]
    assert jobs.render_pairs() == 0
    assert PairPage.objects.count() == 2


# --- What always fails ----------------------------------------------------------------------------------------


@pytest.fixture
def broken(turn, monkeypatch):
    monkeypatch.setattr(rendering, "contents_of", fails)
    return turn


def fails(candidate):
    raise RuntimeError("git failed:\0 no such commit")


def test_a_pair_that_fails_is_remembered_with_its_reason_and_rests(broken, bells):
    bells.clear()

    jobs.render_pair(broken.pk, 1)

    trouble = Trouble.objects.get()
    assert (trouble.tries, trouble.reason) == (1, "RuntimeError: git failed: no such commit")
    assert jobs.render_pairs() == 0
    assert bells == []


def test_each_failure_doubles_the_rest_up_to_a_day(broken, settings):
    rests = []
    for _ in range(20):
        rendering.attempt(broken.pk, 1)
        rests.append((Trouble.objects.get().again_at - now()).total_seconds())
        Trouble.objects.update(again_at=now())

    assert settings.SWEEP / 2 < rests[0] <= settings.SWEEP
    assert rests[3] > 7 * settings.SWEEP
    assert rests[-1] <= rendering.MOST_REST
    assert rendering.waiting() == [(broken.pk, 1)]


def test_a_try_is_counted_before_it_kills_its_worker(turn, monkeypatch):
    monkeypatch.setattr(rendering, "render", interrupted)

    with pytest.raises(KeyboardInterrupt):
        rendering.attempt(turn.pk, 1)

    assert Trouble.objects.get().tries == 1
    assert rendering.waiting() == []


def interrupted(turn_id, attempt):
    raise KeyboardInterrupt


def test_what_works_in_the_end_is_no_trouble_any_more(broken, monkeypatch):
    rendering.attempt(broken.pk, 1)
    monkeypatch.undo()

    assert rendering.attempt(broken.pk, 1) == ""
    assert not Trouble.objects.exists()
    assert PairPage.objects.count() == 2


def test_a_pair_that_is_not_final_is_no_trouble(db):
    turn = factories.make_task().turns.get()

    assert rendering.attempt(turn.pk, 1) == ""
    assert not Trouble.objects.exists()


# --- By hand --------------------------------------------------------------------------------------------------


def by_hand(**options):
    said = io.StringIO()
    call_command("render_pairs", stdout=said, **options)
    return said.getvalue()


def test_rendering_by_hand_tells_how_far_it_is(turn):
    assert "0 pairs rendered, 1 to do" in by_hand(status=True)
    assert not PairPage.objects.exists()

    assert f"1 of 1  task {turn.task.public_id} turn 1 attempt 1" in by_hand()
    assert "1 pairs rendered, 0 to do" in by_hand()


def test_rendering_by_hand_tries_what_rests_and_says_what_failed(broken):
    rendering.attempt(broken.pk, 1)

    with pytest.raises(CommandError, match="1 of 1 pairs could not be rendered"):
        by_hand()

    assert "tried 2 times" in by_hand(status=True)
    assert "git failed: no such commit" in by_hand(status=True)


def test_all_means_closed_tasks_too(turn):
    rendering.render(turn.pk, 1)
    PairPage.objects.update(version=1)
    turn.task.close()

    assert "0 to do" in by_hand(status=True)
    assert "1 to do" in by_hand(all=True)
    assert rendering.outdated(closed_too=True) == []


# --- Images, and pairs without a base -------------------------------------------------------------------------

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
ADDS_IMAGE = b"""diff --git a/logo.svg b/logo.svg
new file mode 100644
index 0000000000000000000000000000000000000000..1111111111111111111111111111111111111111
Binary files /dev/null and b/logo.svg differ
"""


def test_images_are_stored_by_what_they_are_and_where_they_stand(turn, monkeypatch):
    one, _ = turn.candidates.all()
    type(one).objects.filter(pk=one.pk).update(patch=ADDS_IMAGE)

    def contents(candidate):
        if candidate.pk == one.pk:
            return Contents(ADDS_IMAGE, {}, {"logo.svg": PNG})  # it is called as it likes
        return Contents(b"", {}, {})

    monkeypatch.setattr(rendering, "contents_of", contents)
    rendering.render(turn.pk, 1)

    found = {(picture.page.left_id, picture.which): picture for picture in Picture.objects.all()}
    other = turn.candidates.exclude(pk=one.pk).get()
    assert set(found) == {(one.pk, "a"), (other.pk, "b")}
    assert {(picture.kind, bytes(picture.body)) for picture in found.values()} == {("image/png", PNG)}


def test_a_pair_from_elsewhere_is_rendered_from_its_patches_and_says_so(turn):
    repository = turn.task.scenario.repository
    type(repository).objects.filter(pk=repository.pk).update(patch_only=True)
    patch = factories.PATCH.replace(b"hello", b"from elsewhere")
    turn.candidates.update(patch=patch)

    rendering.render(turn.pk, 1)

    for page in PairPage.objects.all():
        assert page.index["no_base"] is True
        assert "from elsewhere" in page.fragments.get(view="pair", file=0, gap=0).html


def test_a_pair_with_its_base_says_nothing_of_it(turn):
    rendering.render(turn.pk, 1)

    assert {page.index["no_base"] for page in PairPage.objects.all()} == {False}
