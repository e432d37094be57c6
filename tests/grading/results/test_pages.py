"""The researcher's result pages: what waits, what is shown, what is kept, and who may see names."""

from __future__ import annotations

import csv
import io
import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.db.models import F

from grading import jobs, queue
from grading.models import Gold, Judgement, MaskedArm, Result, Vote
from grading.results import asking, page
from marlin.models import Event, Role, User
from marlin.sources import now
from tasks import unblinding
from tasks.models import Experiment
from tests import factories
from tests.grading.conftest import words_of
from tests.grading.results import small
from tests.grading.results.test_sentences import DEGENERATE

HTMX = {"HX-Request": "true"}
CONFIRM = "/account/reauthenticate/"
REASON = "For the paper in May."


@pytest.fixture
def experiment(one_accepted, db, bells):
    return Experiment.objects.get(tasks=one_accepted.task)


@pytest.fixture
def riley(one_accepted, db):
    return User.objects.get(pk=one_accepted.rater_id)


@pytest.fixture
def signed_in(client, rowan):
    client.force_login(rowan)
    return client


@pytest.fixture
def confirmed(signed_in):
    signed_in.post(f"{CONFIRM}?next=/results/", {"password": factories.PASSWORD, "next": "/results/"})
    return signed_in


def page_of(experiment, tail=""):
    return f"/results/{experiment.public_id}/{tail}"


def computed(experiment, filters=asking.ANY):
    result = asking.ask(experiment, filters)
    jobs.compute_result(result.pk)
    result.refresh_from_db()
    return result


def stored(experiment, found, **fields):
    """A result as a job would leave it, with these findings."""
    fields = {
        "state": "ready",
        "computed_at": now(),
        "basis": asking.accepted(experiment),
        "digest": "0" * 64,
    } | fields
    return Result.objects.create(experiment=experiment, found=found, **fields)


@pytest.mark.parametrize("person", ["riley", "robin", "ada"])
def test_the_pages_are_there_for_researchers_alone(client, request, experiment, person):
    result = computed(experiment)
    record = Judgement.objects.get().public_id
    client.force_login(request.getfixturevalue(person))

    for place in ("", page_of(experiment)[9:], page_of(experiment, "records")[9:], f"at/{result.public_id}/"):
        assert client.get(f"/results/{place}").status_code == 404
    assert client.get(f"/results/records/{record}/").status_code == 404
    assert client.post(page_of(experiment, "unblind"), {"reason": REASON}).status_code == 404
    assert not Event.objects.filter(name__in=(asking.SEEN, unblinding.UNBLINDED)).exists()


@pytest.mark.parametrize(("made", "counts"), [("before the claim", 0), ("after the claim", 1)])
def test_an_answer_to_a_task_whose_answer_is_known_is_no_preference(
    experiment, one_accepted, ada, made, counts
):
    moment = one_accepted.claimed_at + timedelta(hours=-1 if made == "before the claim" else 1)
    Gold.objects.create(
        task=one_accepted.task, kind=Gold.Kind.GOLD, why="Known.", made_by=ada, made_at=moment
    )

    assert asking.accepted(experiment) == counts
    assert page.overview().get(pk=experiment.pk).accepted == counts


# --- Waiting ----------------------------------------------------------------------------------------------------


def test_the_first_visit_rings_for_a_job_and_asks_again(signed_in, experiment, bells):
    text = words_of(signed_in.get(page_of(experiment)))

    result = Result.objects.get()
    assert ("grading.jobs.compute_result", result.pk) in bells
    assert "Being counted" in text
    assert f'hx-get="{page_of(experiment)}"' in text


def test_the_second_visit_asks_for_nothing_more(signed_in, experiment):
    signed_in.get(page_of(experiment))
    signed_in.get(page_of(experiment), headers=HTMX)

    assert Result.objects.count() == 1


def test_when_it_is_there_the_page_stops_asking(signed_in, experiment):
    computed(experiment)

    part = words_of(signed_in.get(page_of(experiment), headers=HTMX))

    assert "there is only one preference" in part
    assert "hx-trigger" not in part
    assert "<html" not in part


def test_newer_preferences_are_counted_while_the_older_figures_stand(signed_in, experiment, rosa):
    computed(experiment)
    Result.objects.update(basis=0)

    text = words_of(signed_in.get(page_of(experiment)))

    assert "Newer preferences" in text
    assert "there is only one preference" in text
    assert Result.objects.filter(state="queued").count() == 1


def test_a_failure_is_told_and_can_be_tried_again(signed_in, experiment, monkeypatch, bells):
    monkeypatch.setattr("grading.results.computing.compute", lambda result: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        computed(experiment)

    text = words_of(signed_in.get(page_of(experiment)))
    bells.clear()
    again = signed_in.post(page_of(experiment, "ask"))

    assert "Computing failed: ZeroDivisionError." in text
    assert (again.status_code, again.url) == (302, page_of(experiment))
    assert [bell[0] for bell in bells] == ["grading.jobs.compute_result"]


def test_a_second_delivery_computes_nothing(experiment):
    result = computed(experiment)

    jobs.compute_result(result.pk)

    assert Event.objects.filter(name="result.ready").count() == 1


def test_the_sweep_rings_again_and_takes_back_what_is_silent(experiment, bells):
    waiting = asking.ask(experiment)
    silent = asking.ask(experiment, asking.Filters(language="Go"))
    silent.start(token=silent.take_lease("queued", 60))
    Result.objects.filter(pk=silent.pk).update(lease_until=now())
    bells.clear()

    jobs.requeue_results()

    assert sorted(bells) == [("grading.jobs.compute_result", pk) for pk in sorted((waiting.pk, silent.pk))]


# --- What is shown ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "arms", "sentence"), DEGENERATE.values(), ids=DEGENERATE)
def test_where_a_number_would_mislead_there_is_a_sentence(signed_in, experiment, rows, arms, sentence):
    stored(experiment, small.found(rows, arms))

    text = words_of(signed_in.get(page_of(experiment)))

    assert sentence in text
    assert "nan" not in text


def test_filters_stand_in_the_address_and_are_results_of_their_own(signed_in, experiment):
    repository = experiment.scenarios.get().repository.name
    address = page_of(experiment, f"?category=bug+fix&repository={repository.replace(' ', '+')}")

    signed_in.get(address)
    signed_in.get(page_of(experiment, f"?repository={repository.replace(' ', '+')}&category=bug+fix"))

    assert [result.query for result in Result.objects.all()] == [
        f"repository={repository.replace(' ', '+')}&category=bug+fix"
    ]


@pytest.mark.parametrize("nonsense", ["language=Elvish", "turn=9", "raters=all", "since=yesterday", "x=1"])
def test_a_filter_that_does_not_exist_is_left_out(signed_in, experiment, nonsense):
    signed_in.get(page_of(experiment, f"?{nonsense}"))

    assert Result.objects.get().query == ""


def test_the_list_shows_each_experiments_newest_verdict(signed_in, experiment):
    stored(experiment, small.found(small.decided(61, 29)))

    text = words_of(signed_in.get("/results/"))

    assert "Arm 1 writes better code than Arm 2" in text
    assert page_of(experiment) in text


def test_a_chart_comes_as_csv(signed_in, experiment):
    result = stored(experiment, small.found(small.decided(30, 10)))

    response = signed_in.get(f"/results/at/{result.public_id}/heat.csv")

    rows = list(csv.DictReader(io.StringIO(words_of(response))))
    assert [(row["Arm"], row["Over"], row["Wins"], row["n"]) for row in rows] == [
        ("Arm 1", "Arm 2", "30", "40"),
        ("Arm 2", "Arm 1", "10", "40"),
    ]
    assert signed_in.get(f"/results/at/{result.public_id}/radar.csv").status_code == 404


def test_the_number_of_queries_does_not_grow(signed_in, experiment, queries):
    signed_in.get(page_of(experiment))  # the first look is written down
    counts = []
    for size in (10, 400):
        Result.objects.all().delete()
        rows = [*small.decided(size, size // 2), *small.decided(size, size, 1, 3, "x")]
        stored(experiment, small.found(rows, (1, 2, 3)))
        with queries:
            signed_in.get(page_of(experiment))
        counts.append(len(queries))

    assert counts[0] == counts[1]
    assert counts[0] < 20


# --- Keeping ---------------------------------------------------------------------------------------------------------


def test_a_frozen_state_stays_when_newer_figures_come(signed_in, experiment, rowan):
    result = computed(experiment)
    frozen = signed_in.post(f"/results/at/{result.public_id}/freeze")
    again = signed_in.post(f"/results/at/{result.public_id}/freeze")
    Result.objects.update(asked_at="2020-01-01T00:00Z", basis=0)
    newer = computed(experiment)

    text = words_of(signed_in.get(frozen.url))

    assert (frozen.url, again.url) == (f"/results/at/{result.public_id}/",) * 2
    assert result.digest in text
    assert f"Frozen by {rowan.name}" in text
    assert Event.objects.filter(name="result.frozen").count() == 1
    assert asking.newest_result(experiment) == newer


def test_what_nobody_froze_is_forgotten_after_a_day(experiment):
    old = computed(experiment)
    Result.objects.update(asked_at="2020-01-01T00:00Z")

    computed(experiment)

    assert not Result.objects.filter(pk=old.pk).exists()


# --- Names --------------------------------------------------------------------------------------------------------


def test_the_first_look_is_an_event_and_bars_from_rating(signed_in, experiment, rowan):
    assert not queue.knows(rowan, experiment)

    signed_in.get(page_of(experiment))
    signed_in.get(page_of(experiment))

    assert queue.knows(rowan, experiment)
    assert Event.objects.filter(name=asking.SEEN, actor=rowan).count() == 1


def test_arms_are_masked_until_one_un_blinds(confirmed, experiment, rowan):
    computed(experiment)
    names = [arm.agent_version.name for arm in experiment.arms.select_related("agent_version")]
    before = words_of(confirmed.get(page_of(experiment)))

    answer = confirmed.post(page_of(experiment, "unblind"), {"reason": REASON})
    confirmed.post(page_of(experiment, "unblind"), {"reason": REASON})
    after = words_of(confirmed.get(page_of(experiment)))
    masked = words_of(confirmed.get(page_of(experiment, "?arms=masked")))

    assert (answer.status_code, answer.url) == (302, page_of(experiment))
    assert [name in before for name in names] == [False, False]
    assert [name in after for name in names] == [True, True]
    assert [name in masked for name in names] == [False, False]
    event = Event.objects.get(name=unblinding.UNBLINDED)
    assert (event.actor, event.why) == (rowan, REASON)


def test_un_blinding_asks_for_the_password_first(signed_in, experiment):
    asked = signed_in.post(page_of(experiment, "unblind"), {"reason": REASON})

    assert asked.url.startswith(CONFIRM)
    assert not Event.objects.filter(name=unblinding.UNBLINDED).exists()


def test_un_blinding_needs_a_reason(confirmed, experiment):
    answer = confirmed.post(page_of(experiment, "unblind"), {"reason": "Why not"})

    assert answer.status_code == 422
    assert "Say in a few words" in words_of(answer)
    assert not Event.objects.filter(name=unblinding.UNBLINDED).exists()


def test_somebody_elses_un_blinding_shows_me_nothing(client, confirmed, experiment):
    computed(experiment)
    confirmed.post(page_of(experiment, "unblind"), {"reason": REASON})
    client.force_login(factories.make_person("Rhea", Role.RESEARCHER))

    text = words_of(client.get(page_of(experiment)))

    assert experiment.arms.first().agent_version.name not in text


# --- Records --------------------------------------------------------------------------------------------------------


def test_a_number_leads_to_its_records_and_to_one_of_them(signed_in, experiment):
    computed(experiment)
    judgement = Judgement.objects.get()
    place = f"/results/records/{judgement.public_id}/"

    listed = words_of(signed_in.get(page_of(experiment, "records?arm=1&other=2&axis=clarity")))
    shown = words_of(signed_in.get(place))

    assert place in listed
    assert "Arm 1 against Arm 2, rated on clarity" in listed
    assert factories.JUSTIFICATION in shown
    assert "+hello" in shown
    assert "Arm 1" in shown
    names = [arm.agent_version.name for arm in experiment.arms.select_related("agent_version")]
    assert not [name for name in names if name in listed + shown]


@pytest.mark.parametrize(
    "narrow", ["arm=3", "arm=1&other=7", "rater=nobody", "shared=yes", "side=left&since=2099-01-01"]
)
def test_what_has_no_records_says_so(signed_in, experiment, narrow):
    computed(experiment)

    assert "No preference is counted here yet." in words_of(
        signed_in.get(page_of(experiment, f"records?{narrow}"))
    )


def test_records_of_a_rater_are_found_by_pseudonym(signed_in, experiment):
    result = computed(experiment)
    rater = result.found["raters"][0]["rater"]

    text = words_of(signed_in.get(page_of(experiment, f"records?rater={rater}")))

    assert "1 preference" in text
    assert f"by rater {rater[:6]}" in text


def test_a_record_that_no_result_has_counted_is_not_found(signed_in, experiment):
    jobs.write_missing_judgements()

    assert signed_in.get(f"/results/records/{Judgement.objects.get().public_id}/").status_code == 404
    assert signed_in.get(f"/results/records/{uuid.uuid4()}/").status_code == 404


def test_votes_say_what_the_record_says(experiment):
    computed(experiment)
    vote, record = Vote.objects.get(), Judgement.objects.get().record

    assert vote.rating == record["rating"]
    assert vote.axes == [record["axes"]["efficiency"], record["axes"]["clarity"]]
    assert ("L" if vote.on_left else "R") == record["side"]
    assert (vote.first.agent_version.name, vote.second.agent_version.name) == (
        record["model_a"],
        record["model_b"],
    )
    assert (vote.turn, vote.seat, vote.nth, vote.guess) == (1, 0, 1, None)
    assert vote.styles["changed_lines"] == 0


# --- What the database refuses ----------------------------------------------------------------------------------------


def refused(rule):
    return pytest.raises(IntegrityError, match=f'"{rule}"')


def test_one_result_is_under_way_per_query(experiment):
    asking.ask(experiment)

    with refused("one_result_under_way_per_query"):
        Result.objects.create(experiment=experiment)


def test_only_what_is_ready_can_be_frozen(experiment):
    asking.ask(experiment)

    with refused("frozen_result_is_ready"):
        Result.objects.update(frozen_at=now())


def test_a_failed_result_says_why(experiment):
    asking.ask(experiment)

    with refused("failed_result_says_why"):
        Result.objects.update(state="failed")


def test_a_number_masks_one_arm(experiment):
    computed(experiment)

    with refused("one_arm_per_masked_number"):
        MaskedArm.objects.update(number=1)


def test_a_vote_is_about_two_arms(experiment):
    computed(experiment)

    with refused("vote_of_two_arms"):
        Vote.objects.update(first=F("second"))
