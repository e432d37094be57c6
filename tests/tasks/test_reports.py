# ruff: noqa: E501  reports read better whole
"""JUnit XML out of a tree that nobody trusts."""

import os

import pytest

from tasks.generation import reports
from tasks.generation.reports import Counted

#: As the runners write it, shortened.
PYTEST = b"""<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1"
failures="1" skipped="1" tests="4" time="0.04"><testcase classname="tests.test_tide" name="test_rises" time="0.001" />
<testcase classname="tests.test_tide" name="test_falls[spring]"><failure message="assert 1 == 2">...</failure></testcase>
<testcase classname="tests.test_moon" name="test_shines"><error message="fixture">...</error></testcase>
<testcase classname="tests.test_moon" name="test_new"><skipped type="pytest.skip" /></testcase></testsuite></testsuites>"""
GO = b"""<testsuites tests="2" failures="1"><testsuite name="tide" tests="2"><testcase classname="tide" name="TestRises"/>
<testcase classname="tide" name="TestFalls/spring"><failure message="Failed">x</failure></testcase></testsuite></testsuites>"""
JEST = b"""<testsuites name="jest tests"><testsuite name="tide" tests="1"><testcase classname="tide rises" name="tide rises"
time="0.001"></testcase></testsuite></testsuites>"""
CARGO = b"""<testsuites name="nextest-run"><testsuite name="tide"><testcase name="rises" classname="tide"/>
<testcase name="falls" classname="tide"><rerunFailure>x</rerunFailure><failure type="test failure">x</failure></testcase>
</testsuite></testsuites>"""
SUREFIRE = b"""<testsuite xmlns="urn:surefire" name="TideTest" tests="1"><testcase name="rises" classname="TideTest">
<flakyFailure>x</flakyFailure></testcase></testsuite>"""


@pytest.mark.parametrize(
    ("report", "counted"),
    [
        (PYTEST, Counted(1, 2, 1, ("tests.test_moon::test_shines", "tests.test_tide::test_falls[spring]"))),
        (GO, Counted(1, 1, 0, ("tide::TestFalls/spring",))),
        (JEST, Counted(1, 0, 0, ())),
        (CARGO, Counted(1, 1, 0, ("tide::falls",))),
        (SUREFIRE, Counted(1, 0, 0, ())),
    ],
)
def test_what_runners_write_is_counted_by_case(report, counted):
    assert reports.count([report]) == counted


@pytest.mark.parametrize(
    "report",
    [
        b"",
        b"<testsuite>",
        b"\xff\xfe",
        b"<testsuites/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><testsuite><testcase name="&a;"/></testsuite>',
        b'<?xml version="1.0" encoding="nonsense"?><testsuite/>',
    ],
)
def test_what_is_no_report_says_nothing_and_does_no_harm(report):
    assert reports.count([report]) is None
    assert reports.count([report, JEST]) == Counted(1, 0, 0, ())


def test_reports_are_found_by_pattern_and_links_lead_nowhere(tmp_path):
    outside = tmp_path / "outside.xml"
    outside.write_bytes(JEST)
    root = tmp_path / "root"
    for name in ("build/a/one.xml", "build/two.xml", "three.xml"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(GO)
    (root / "build" / "link.xml").symlink_to(outside)
    (root / "build" / "folder").symlink_to(tmp_path)
    os.mkfifo(root / "build" / "pipe.xml")

    assert len(reports.collect(root, "build/**/*.xml")) == 2
    assert len(reports.collect(root, "./build/*.xml")) == 1
    assert len(reports.collect(root, "three.xml")) == 1
    assert reports.collect(root, "../outside.xml") == []
    reports.forget(root, "build/**/*.xml")
    assert reports.collect(root, "build/**/*.xml") == []
    assert outside.exists()
