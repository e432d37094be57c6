"""A task in which everything that somebody else wrote looks like markup; with a file too large for the first page."""

from __future__ import annotations

from textwrap import dedent

from tasks.models import Category, Repository, Scenario
from tests import factories
from tests.browser.site import Site
from tests.faults import worlds

TITLE = "Print <b>numbers</b> <img src=/evil/title onerror=window.caught=1>"
MARKUP = (
    "<img src=/evil/image onerror=window.caught=1>"
    "<script>window.caught=1</script>"
    '<div hx-get="/evil/htmx" hx-trigger="load, revealed, every 1s">fetch</div>'
    "</code></pre></td></table><svg onload=window.caught=1></svg>"
    '<a href="javascript:window.caught=1">here</a>{{ 7|add:7 }}'
)
FILE = "<img src=x onerror=window.caught=1>.py"

#: A program wrote it, so it is folded; and one that comes when it is scrolled to; and more than a screen can list.
FOLDED = "poetry.lock"
LARGE = "numbers.py"
MANY = 210

#: Each side writes the same few files; what makes them strange is in the names and the words.
AGENT = """
import json, os, pathlib
markup = {markup!r}
name = {name!r}
pathlib.Path(name).write_text("# " + markup + "\\nprint(" + repr(markup) + ")\\n")
pathlib.Path("sums.py").write_text("def add(a, b):\\n    # " + markup + "\\n    return a + b + 0\\n")
pathlib.Path("poetry.lock").write_text("[[package]]\\n" * 40)
numbers = ["N" + str(i) + " = " + repr(os.urandom(30).hex()) + "\\n" for i in range(1500)]
pathlib.Path("numbers.py").write_text("".join(numbers))
pathlib.Path("many").mkdir()
for i in range({many}):
    pathlib.Path("many/n" + str(i).zfill(3) + ".txt").write_text("one\\ntwo\\nthree\\nfour\\n")
pathlib.Path("page.html").write_text("<html>" + markup + "</html>\\n")
steps = [
    ("say", markup, None), ("read", markup, name), ("run", markup, None), ("result", markup, None),
    ("edit", markup, name), ("note", markup, None), ("error", markup, None), ("say", "Done: " + markup, None),
]
with open(os.path.join(os.environ["HOME"], "transcript.jsonl"), "w") as file:
    for kind, text, path in steps:
        file.write(json.dumps(dict(kind=kind, text=text, path=path)) + "\\n")
"""

#: The repository's own tests pass; those of a patch fail, under a name of their own making.
TESTS = f"""
test -f {LARGE} || exit 0
printf '%s\\n' 'FAIL: test_it ({MARKUP.replace("'", "")})' '' 'Ran 1 test in 0.1s' '' 'FAILED (failures=1)'
exit 1
"""


def make(site: Site) -> None:
    commit = worlds.make_git_repository(site.stack.directory / "strange")
    repository = Repository.objects.create(
        name="strange <i>sums</i>", url=str(site.stack.directory / "strange"), test_command=dedent(TESTS)
    )
    scenario = Scenario.objects.create(
        repository=repository,
        base_commit=commit,
        category=Category.FEATURE,
        title=TITLE,
        prompt=MARKUP,
        **dict.fromkeys(
            ("about", "change", "edge_cases", "acceptance", "ideal_answer", "difficulty"), MARKUP
        ),
    )
    scenario.propose(by=None)
    scenario.approve(by=None)
    code = dedent(AGENT).format(markup=MARKUP, name=FILE, many=MANY)
    argv = ["python3", "-c", code.replace("{", "{{").replace("}", "}}")]
    versions = [factories.make_agent_version(settings={"argv": argv}) for _ in range(2)]
    factories.make_experiment(
        scenarios=[scenario], versions=versions, name="strange <u>experiment</u>", raters_wanted=50
    )
