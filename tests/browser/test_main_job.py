"""The whole job in a browser: claim, read, rate, be interrupted, submit, review, export."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tasks.management.commands.seed_demo import EXPERIMENT, PASSWORD
from tests.browser import journey
from tests.browser.site import TITLES, Person, Site
from tests.browser.visitors import Visitors, until

CLOCK = TITLES[0]
FAILING = "test_entries_survive_a_restart"


def test_from_a_claim_to_an_exported_preference(visitors: Visitors, site: Site, tmp_path: Path) -> None:
    riley = visitors.open()
    journey.sign_in(riley, "riley@demo.example", PASSWORD)
    expect(riley.get_by_text(re.compile(r"^[3-9] tasks you can take$"))).to_be_visible()
    assignment = journey.claim(riley, CLOCK)

    seen = _read_both_sides(riley)
    journey.rate(riley)
    journey.write(riley)
    journey.name_key_axis(riley)
    journey.kill(riley)
    back = riley.context.new_page()
    back.goto(f"/work/{assignment}/")
    found = journey.read_form(back)
    back.locator("#submit").dblclick()
    back.wait_for_url("**/receipts/*")
    _robin_accepts(visitors, site, assignment, seen)
    record = _rowan_exports(visitors, site, assignment, tmp_path)

    assert found == journey.FILLED_IN
    assert site.handed_in(assignment) == (1, 1, 1)
    _assert_the_right_sides(site, assignment, record, seen)


def _read_both_sides(page: Page) -> dict[str, str]:
    """Look at every tab; returns what each side said at its end."""
    files = page.locator(".files tr.file")
    expect(files.first).to_be_visible()
    for side in ("A", "B"):
        heading = page.locator(".both h2", has=page.locator(f".side:text-is('{side}')"))
        expect(heading).to_contain_text(re.compile(r"\d+ files?, \+\d+ −\d+"))
    # The row's cells in order: base, A, B.
    for column in (2, 3):
        cell = f".diff td.a:nth-child({column})"
        expect(page.locator(f"{cell} i").first).to_be_attached()
        assert page.locator(f"{cell} i").count() > 5, f"nothing is highlighted in column {column}"
    expect(page.locator(".files tr.file td", has_text="+").first).to_have_text(re.compile(r"^\+\d+ −\d+$"))
    assert page.locator(".diff mark").count() > 0

    page.get_by_role("link", name="Tests").click()
    expect(page.locator(".failures")).to_contain_text(FAILING)
    page.get_by_role("link", name="Write-up").click()
    expect(page.get_by_role("heading", name="What both sides were asked")).to_be_visible()
    said = _last_words(page)
    for side in ("A", "B"):
        assert page.locator(f".steps-of[aria-label^='{side},'] .act").count() >= 10
    page.locator("[data-tab=patches]").click()
    assert said[0] != said[1]
    return {"A": said[0], "B": said[1]}


def _last_words(page: Page) -> list[str]:
    """What A and B said at their end, from their transcripts."""
    page.get_by_role("link", name="Transcripts").click()
    page.wait_for_url("**/transcripts")
    final = page.locator(".final")
    expect(final).to_have_count(2)
    return [text.strip() for text in final.all_inner_texts()]


def _robin_accepts(visitors: Visitors, site: Site, assignment: str, seen: dict[str, str]) -> None:
    robin = visitors.open()
    journey.sign_in(robin, "robin@demo.example", PASSWORD)
    robin.locator(f"a.button[href='/review/{assignment}/']").click()
    shown = _last_words(robin)
    robin.get_by_role("link", name="Patches").click()
    for text in journey.WORDS.values():
        expect(robin.locator(".panel .as-written").filter(has_text=text)).to_be_visible()
    expect(robin.locator("#field-overall input[value='2']")).to_be_checked()

    robin.get_by_role("radio", name="Reject").check()
    robin.get_by_role("textbox", name="Reason").fill("too short")
    visitors.excuse("422")
    robin.get_by_role("button", name="Decide").click()
    expect(robin.get_by_role("alert")).to_contain_text("Say why")
    expect(robin.get_by_role("textbox", name="Reason")).to_have_value("too short")
    robin.get_by_role("radio", name="Accept").check()
    robin.get_by_role("button", name="Decide").click()
    expect(robin.locator("#decision ~ p").first).to_contain_text(re.compile("accepted", re.IGNORECASE))

    assert shown == [seen["A"], seen["B"]]
    until(
        robin,
        lambda: _judgements(site, assignment) == 1,
        within=30,
        why=f"No judgement was written.\n{site.stack.log_of('worker')[-2000:]}",
    )


def _judgements(site: Site, assignment: str) -> object:
    return site.stack.value(
        """
        SELECT count(*) FROM grading_judgement j
        JOIN grading_preference p ON p.id = j.preference_id
        JOIN grading_blindpair b ON b.id = p.pair_id
        JOIN grading_assignment a ON a.id = b.assignment_id WHERE a.public_id = %s
        """,
        assignment,
    )


def _rowan_exports(visitors: Visitors, site: Site, assignment: str, directory: Path) -> dict[str, Any]:
    """Ask, wait, take the three files away; returns the record of this assignment."""
    rowan = visitors.open(site.demo_person("Rowan"))
    rowan.goto("/exports/")
    rowan.get_by_label("Experiment").select_option(label=EXPERIMENT)
    rowan.get_by_label("What for").fill("The browser's own journey.")
    rowan.get_by_role("button", name="Un-blind and export").click()
    expect(rowan.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    rowan.get_by_label("Password").fill(PASSWORD)
    rowan.get_by_role("button", name="Go on").click()
    expect(rowan.get_by_role("link", name="preferences.jsonl")).to_be_visible(timeout=30_000)

    sums = {}
    for name in ("preferences.jsonl", "preferences.csv"):
        row = rowan.locator("tr", has=rowan.get_by_role("link", name=name))
        with rowan.expect_download() as download:
            row.get_by_role("link").click()
        download.value.save_as(directory / name)
        sums[name] = hashlib.sha256((directory / name).read_bytes()).hexdigest()
        expect(row.locator(".sum")).to_have_text(sums[name])
    with rowan.expect_download() as download:
        rowan.get_by_role("link", name="manifest.json").click()
    download.value.save_as(directory / "manifest.json")

    manifest = json.loads((directory / "manifest.json").read_text())
    records = [json.loads(line) for line in (directory / "preferences.jsonl").read_text().splitlines()]
    rows = list(csv.DictReader(io.StringIO((directory / "preferences.csv").read_text())))
    assert sums.items() <= {file["name"]: file["sha256"] for file in manifest["files"]}.items()
    assert manifest["rows"] == len(records) == len(rows)
    assert [row["model_a"] for row in rows] == [record["model_a"] for record in records]
    task = site.stack.value(
        "SELECT t.public_id FROM grading_assignment a JOIN tasks_task t ON t.id = a.task_id WHERE a.public_id = %s",
        assignment,
    )
    record: dict[str, Any] = next(
        record
        for record in records
        if record["task"] == str(task) and record["texts"]["justification"] == journey.WORDS["justification"]
    )
    return record


def _assert_the_right_sides(
    site: Site, assignment: str, record: dict[str, Any], seen: dict[str, str]
) -> None:
    """The names in the file are those of the agents behind what stood left and right on Riley's screen."""
    rows = site.stack.query(
        """
        SELECT side.letter, v.name, c.final_message, c.public_id, arm.position
        FROM grading_assignment a
        JOIN grading_blindpair b ON b.assignment_id = a.id
        CROSS JOIN LATERAL (VALUES ('A', b.a_id), ('B', b.b_id)) AS side (letter, candidate)
        JOIN tasks_candidate c ON c.id = side.candidate
        JOIN tasks_origin o ON o.candidate_id = c.id
        JOIN tasks_arm arm ON arm.id = o.arm_id
        JOIN tasks_agentversion v ON v.id = o.agent_version_id
        WHERE a.public_id = %s ORDER BY side.letter
        """,
        assignment,
    )
    (_, left, left_says, left_id, left_place), (_, right, right_says, right_id, right_place) = rows
    a_is_left = int(str(left_place)) < int(str(right_place))

    assert (_squeezed(left_says), _squeezed(right_says)) == (_squeezed(seen["A"]), _squeezed(seen["B"]))
    assert (record["shown"]["A"], record["shown"]["B"]) == (left, right)
    assert record["shown"]["ratings"] == journey.RATINGS
    assert record["side"] == ("L" if a_is_left else "R")
    assert [record["model_a"], record["model_b"]] == ([left, right] if a_is_left else [right, left])
    first, second = (left_id, right_id) if a_is_left else (right_id, left_id)
    assert record["candidate_a"]["id"] == str(first)
    assert record["candidate_b"]["id"] == str(second)
    # Position 2 of 8 is “A significantly”; positive when the first arm is better.
    assert record["rating"] == (3 if a_is_left else -3)
    own = "strengths_a" if a_is_left else "strengths_b"
    assert record["texts"][own] == journey.WORDS["a_strengths"]


def _squeezed(text: object) -> str:
    return " ".join(str(text).split())


def test_a_killed_page_returns_with_the_last_character(visitors: Visitors, site: Site, rater: Person) -> None:
    page = visitors.open(rater)
    assignment = journey.claim(page)
    journey.fill_in(page)
    journey.wait_until_saved(page, site, assignment, journey.WORDS)

    page.locator("#field-justification").press("End")
    page.locator("#field-justification").press("Control+End")
    page.locator("#field-justification").press_sequentially(" And these words were typed in the last second.")
    journey.kill(page)
    on_the_server = site.newest_texts(assignment)
    again = page.context.new_page()
    again.goto(f"/work/{assignment}/")

    everything = journey.WORDS["justification"] + " And these words were typed in the last second."
    assert on_the_server == journey.WORDS
    expect(again.locator("#field-justification")).to_have_value(everything)
    expect(again.locator("#kept")).to_be_hidden()
    journey.wait_until_saved(again, site, assignment, {"justification": everything})


def test_another_browser_shows_all_that_was_acknowledged(
    visitors: Visitors, site: Site, rater: Person
) -> None:
    page = visitors.open(rater)
    assignment = journey.claim(page)
    journey.fill_in(page)
    journey.wait_until_saved(page, site, assignment, journey.WORDS)
    journey.kill(page)

    elsewhere = visitors.open(rater)
    elsewhere.goto("/work/")
    elsewhere.get_by_role("link", name="Go on").click()
    expect(elsewhere.locator("#saved")).to_contain_text("Saved")

    assert journey.read_form(elsewhere) == journey.FILLED_IN


def test_a_double_click_hands_in_once(visitors: Visitors, site: Site, rater: Person) -> None:
    page = visitors.open(rater)
    assignment = journey.claim(page)
    journey.fill_in(page)

    page.locator("#submit").dblclick()
    page.wait_for_url("**/receipts/*")

    expect(page.get_by_text("Your rating is in")).to_be_visible()
    assert site.handed_in(assignment) == (1, 1, 1)
    assert site.newest_texts(assignment) == journey.WORDS
    left = page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('marlin.draft.'))")
    assert left == []


def test_two_submits_at_once_hand_in_once(visitors: Visitors, site: Site, rater: Person) -> None:
    page = visitors.open(rater)
    assignment = journey.claim(page)
    journey.fill_in(page)
    journey.wait_until_saved(page, site, assignment, journey.WORDS)

    ended = page.evaluate(
        """async () => {
            const form = document.querySelector("#rate");
            const send = () => fetch(form.action, { method: "POST", body: new FormData(form) });
            return (await Promise.all([send(), send(), send(), send()])).map((answer) => answer.url);
        }"""
    )

    assert site.handed_in(assignment) == (1, 1, 1)
    assert len(set(ended)) == 1
    assert "/receipts/" in ended[0]


def test_what_is_missing_is_said_and_nothing_is_lost(visitors: Visitors, site: Site, rater: Person) -> None:
    page = visitors.open(rater)
    assignment = journey.claim(page)
    journey.paste(page)
    visitors.excuse("422")

    page.locator("#submit").click()
    expect(page.get_by_role("alert").filter(has_text="not rated")).to_be_focused()
    page.get_by_role("link", name="Go there").click()

    expect(page.locator("#field-overall input").first).to_be_focused()
    assert journey.read_form(page) == journey.WORDS
    assert site.newest_texts(assignment) == journey.WORDS
    assert site.handed_in(assignment) == (0, 0, 0)


def test_a_second_decision_finds_the_first(
    visitors: Visitors, site: Site, rater: Person, reviewer: Person
) -> None:
    page = visitors.open(rater)
    assignment = journey.claim(page)
    journey.fill_in(page)
    journey.submit(page)
    robin = visitors.open(reviewer)
    robin.goto(f"/review/{assignment}/")

    robin.get_by_role("radio", name="Reject").check()
    robin.get_by_role("textbox", name="Reason").fill("The claim about the snapshot is not so.")
    robin.get_by_role("button", name="Decide").dblclick()
    expect(robin.locator("#decision ~ p").first).to_contain_text("Not accepted")
    page.goto("/work/")

    decisions = site.stack.query(
        """
        SELECT r.decision FROM grading_review r
        JOIN grading_assignment a ON a.id = r.assignment_id WHERE a.public_id = %s
        """,
        assignment,
    )
    assert decisions == [("reject",)]
    expect(page.get_by_role("row").filter(has_text="Not accepted")).to_be_visible()
