"""Code that names somebody is held for an admin, and never changed."""

import pytest

import tasks.jobs
from tasks import turns
from tasks.generation import scrub, traces
from tasks.models import ScrubHit, Task
from tests import factories

NAMED = "echo '# Written with Claude Code' > mended.py; echo Done."

#: What real agents leave in code and texts, and lines like it that tell nothing.
SEEDED = """\
Co-Authored-By: Claude <noreply@anthropic.com>
🤖 Generated with [Claude Code](https://claude.com/claude-code)
Co-authored-by: Codex <noreply@openai.com>
Generated with [Codex](https://openai.com/codex/)
Co-authored-by: aider (gpt-5) <aider@aider.chat>
Claude-Session: https://claude.ai/code/session_01
I am Claude, made by Anthropic.
As an AI language model, I cannot run this.
See CLAUDE.md for the conventions.
Updated AGENTS.md accordingly.
Wrote .claude/settings.json
cat ~/.codex/config.toml
.aider.chat.history.md
{"mcpServers": {}} in .mcp.json
Edited opencode.json
export ANTHROPIC_BASE_URL=http://x
os.environ["OPENAI_API_KEY"]
toolu_01A09q90qw90lq917835lq9
msg_01XFDUDYJgAACzvnptvVoYEL
call_9XzKq2LmNpQrStUv
ses_df8be3a51ffecMlCNQ7o0FV7Yg
git checkout claude/fix-tides
User-Agent: claude-cli/2.1.330 (external, sdk-cli)
COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT
model = "gpt-5.2-codex"
model = "claude-opus-4-5"
# written by Gemini 3 Pro
using sonnet 4.5 for this
deepseek-v3 said so
qwen3-coder
kimi-k2
o3-mini
grok-4
""".splitlines()
INNOCENT = """\
def opus_number(piece): return piece.opus
The llama is a domesticated animal.
call_user_function_array(name)
A haiku has three lines.
message_queue = msg_queue_for(worker)
resp_time = measure()
class Vendor: pass
the cursor moves to the next row
x1, o1, o2 = read()
def test_applies_a_patch(): ...
the generated code is cached with a key
request_id = req_counter + 1
""".splitlines()


def added(*lines):
    body = "".join(f"+{line}\n" for line in lines)
    return f"--- /dev/null\n+++ b/x.py\n@@ -0,0 +1,{len(lines)} @@\n{body}".encode()


def test_recall_and_precision_on_a_seeded_corpus(capsys):
    found = [line for line in SEEDED if list(traces.hits(added(line)))]
    wrong = [line for line in INNOCENT if list(traces.hits(added(line)))]

    with capsys.disabled():
        print(f" recall {len(found)}/{len(SEEDED)}, false alarms {len(wrong)}/{len(INNOCENT)}")
    assert len(found) >= 0.95 * len(SEEDED), set(SEEDED) - set(found)
    assert wrong == []
    assert all(traces.masked(line) != line for line in found)
    assert all(traces.masked(line) == line for line in INNOCENT)


def test_only_added_lines_count_and_each_is_placed():
    patch = b"--- a/x.py\n+++ b/x.py\n@@ -4,3 +4,3 @@\n # ask codex\n-# by claude\n+# by gemini\n done\n"

    assert list(traces.hits(patch)) == [traces.Hit("x.py", 5, "# by gemini", "gemini")]
    assert [hit.line for hit in traces.hits(b"--- /dev/null\n+++ b/.claude/x\n@@ -0,0 +1 @@\n+x\n")] == [0]


@pytest.fixture
def held(db, bells) -> Task:
    """A pair of which one side names its harness."""
    versions = [factories.make_agent_version(settings={"argv": ["/bin/sh", "-c", NAMED]}) for _ in range(2)]
    task = factories.make_task(factories.make_experiment(versions=versions))
    first, second = task.turns.get().pair(1)
    factories.finish_candidate(second)
    tasks.jobs.generate_candidate(first.pk)
    return task


def decide(client, decision, why="It quotes the manual."):
    candidate = ScrubHit.objects.order_by("pk")[0].candidate
    form = {"candidate": str(candidate.public_id), "decision": decision, "why": why}
    return client.post("/held/", form, follow=True).content.decode()


def test_a_pair_that_names_somebody_is_held_until_an_admin_releases_it(client, held, ada):
    client.force_login(ada)
    page = client.get("/held/").content.decode()

    assert "# Written with Claude Code" in page
    assert "mended.py:1" in page
    assert not turns.offered().exists()
    assert "Say why" in decide(client, "release", why=" ")

    assert "Nothing is held." in decide(client, "release")

    assert turns.offered().count() == 1
    hit = ScrubHit.objects.order_by("pk")[0]
    assert (hit.released_because, hit.word) == ("It quotes the manual.", "Claude Code")
    assert b"Claude Code" in bytes(hit.candidate.patch)  # nothing is rewritten


def test_a_task_that_names_somebody_can_be_withdrawn(client, held, ada):
    client.force_login(ada)

    assert "Nothing is held." in decide(client, "withdraw")

    held.refresh_from_db()
    assert held.state == "withdrawn"
    assert ScrubHit.objects.exclude(withdrawn_because="").exists()


def test_what_the_base_says_already_tells_nothing(db, bells):
    from tasks.generation import places

    repository = factories.make_repository()
    base = places.base_of(repository, factories.BASE_COMMIT)

    assert scrub.hits(added("tide by Quillback"), {"tide", "Quillback"}, base, factories.BASE_COMMIT) == [
        traces.Hit("x.py", 1, "tide by Quillback", "Quillback")
    ]
