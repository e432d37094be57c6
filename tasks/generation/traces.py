"""What gives a coding agent away in a text: names, trailers, folders, ids, tools. Patterns alone, no database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MASK = "[name]"
#: Lines of a patch that are looked at, and hits of one patch that are kept.
MOST_LINES = 200_000
MOST_HITS = 200
LONGEST_LINE = 4_000
#: Lines before the hunks that name a file of which there may be no hunks.
NAMING = ("new file mode ", "rename to ", "copy to ")

#: Whole lines that agents sign their work with.
SIGNATURES = (
    r"co-authored-by:\s*(?:claude|codex|aider|gemini|copilot|cursor|opencode|openhands)\b[^\n]*",
    r"[^\n]*\bgenerated (?:with|by) \[?(?:claude|codex|gemini|aider|opencode|cursor|copilot)[^\n]*",
    r"(?:claude|codex|gemini)-session:[^\n]*",
    r"[^\n]*\b(?:as an ai(?: language)? (?:model|assistant)|i(?:'m| am) (?:an ai|claude|codex|gemini|gpt))\b[^\n]*",
)
#: Folders and files that a harness leaves, and addresses that lead to its maker.
PLACES = (
    r"(?:\b|(?<=[\s\"'(/~]))\.?(?:claude|codex|gemini|aider|opencode|cursor)(?:/|\.(?:chat|input|tags|conf)\b)[\w.@/-]*",
    r"\b(?:CLAUDE|GEMINI|AGENTS)(?:\.local)?\.md\b",
    r"(?<!\w)\.mcp\.json\b",
    r"\bopencode\.jsonc?\b",
    r"\b(?:claude\.ai|anthropic\.com|openai\.com|aider\.chat|opencode\.ai)\b[\w./-]*",
    r"\bclaude/[\w-]+",
)
#: Ids that a provider or a harness made.
IDS = (
    r"\b(?:toolu|msg|req|resp|call|ses|prt|chatcmpl|rollout|fc)[_-](?=[\w-]*\d)[A-Za-z0-9][\w-]{9,}\b",
    r"\b(?:claude-cli|codex_exec|codex_cli_rs|GeminiCLI[\w-]*|aider)/\d[\w.]*",
    r"\bCOMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT\b",
    r"\b(?:ANTHROPIC|CLAUDE|OPENAI|GEMINI|CODEX|MSWEA|OPENCODE|AIDER)_[A-Z][A-Z_]+\b",
)
#: Models, harnesses and their makers.
NAMES = (
    r"\b(?:claude(?:[\s-](?:code|opus|sonnet|haiku)|[\s-]?\d)?[\w.-]*|anthropic|gpt-?\d[\w.-]*|chatgpt|openai|codex"
    r"|gemini[\w.-]*|google deepmind|deepmind|grok(?:-?\d[\w.-]*)?|x\.?ai|mistral[\w.-]*|codestral|qwen[\w.-]*"
    r"|deepseek[\w.-]*|kimi(?:-k?\d[\w.-]*)?|glm-?\d[\w.-]*|llama-?\d[\w.-]*|o[134]-(?:mini|pro|preview)|aider|opencode"
    r"|mini-swe-agent|swe-agent|openhands|copilot)\b",
    r"\b(?:sonnet|opus|haiku)[\s-]?\d[\w.-]*",
)
#: Tools by the names that only one harness gives them; in a transcript alone, since code may say such words.
TOOLS = (
    r"\b(?:TodoWrite|TodoRead|MultiEdit|NotebookEdit|WebFetch|ExitPlanMode|TaskCreate|TaskUpdate|run_shell_command"
    r"|search_file_content|read_many_files|exec_command|apply_patch|update_plan|mswea_bash_command|str_replace_editor"
    r"|str_replace_based_edit_tool)\b",
)
IN_CODE = re.compile("|".join((*SIGNATURES, *PLACES, *IDS, *NAMES)), re.IGNORECASE)
IN_TEXT = re.compile("|".join((*SIGNATURES, *PLACES, *IDS, *NAMES, *TOOLS)), re.IGNORECASE)


@dataclass(frozen=True)
class Hit:
    """One place in the added lines of a patch that names somebody. `line` counts in the new file; 0 is its path."""

    path: str
    line: int
    text: str
    word: str


def masked(text: str) -> str:
    """The text without what gives an agent away."""
    return IN_TEXT.sub(MASK, text)


def hits(patch: bytes, names: re.Pattern[str] | None = None) -> Iterator[Hit]:
    """What gives somebody away in the lines and paths that a canonical patch adds; `names` are more than the known."""
    path, line, kept, named, in_head = "", 0, 0, "", False
    for raw in patch.split(b"\n")[:MOST_LINES]:
        text = raw[:LONGEST_LINE].decode("utf-8", "replace")
        if text.startswith("+++ "):
            path, line = text[4:].strip().removeprefix("b/"), 0
            added: str | None = path if path not in ("/dev/null", named) else None
        elif text.startswith("diff --git "):
            path, line, added = _first_of_two(text.removeprefix("diff --git ")), 0, None
            named, in_head = "", True
        elif in_head and text.startswith(NAMING):
            # Binary, empty and merely renamed files have no other line with their name.
            line = 0
            path = path if text.startswith("new file") else text.partition(" to ")[2]
            added = named = path
        elif text.startswith("@@ "):
            found = re.match(r"@@ -\S+ \+(\d+)", text)
            line, added, in_head = (int(found[1]) if found else 1) - 1, None, False
        elif text.startswith("--- "):
            added = None
        else:
            line += not text.startswith("-")
            added = text[1:] if text.startswith("+") else None
        for word in _words(added, names) if added else ():
            yield Hit(path, line, added or "", word)
            kept += 1
            if kept == MOST_HITS:
                return


def _first_of_two(names: str) -> str:
    """The path in “a/path b/path”: of a new file both are the same."""
    return names[: (len(names) - 1) // 2].strip('"').removeprefix("a/")


def _words(text: str, names: re.Pattern[str] | None) -> list[str]:
    patterns = (IN_CODE,) if names is None else (IN_CODE, names)
    return sorted(
        {found[0].strip() for pattern in patterns for found in pattern.finditer(text) if found[0].strip()}
    )
