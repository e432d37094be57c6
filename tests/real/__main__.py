"""Drives the real agents that are installed below a folder, one folder named after each preset, and reads their logs.

Not in the sandbox, and not in the gate: `make test-agents AGENTS=/opt/agents`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tasks.agents.harness import filled, harness_from
from tasks.agents.parsers import PARSERS
from tasks.presets import Preset, presets
from tests.fake_provider import Turn, in_a_thread
from tests.real.scripts import Script

#: What the provider's faults must end in: (faults, whether it succeeds).
CASES: dict[str, tuple[list[Turn], bool]] = {
    "edits": ([], True),
    "overloaded once": ([Turn(status=529)], True),
    "dropped once": ([Turn(ends="dropped")], True),
    "refused": ([Turn(status=401)] * 40, False),
}


def main(folder: Path) -> int:
    bad = 0
    for preset in presets().values():
        for case, (faults, well) in CASES.items() if (folder / preset.name).is_dir() else ():
            script = Script(faults=list(faults))
            succeeded = _drive(preset, folder / preset.name, script)
            bad += succeeded is not well
            print(f"{'well' if succeeded is well else 'BAD':<5} {preset.name:<12} {case}", flush=True)
    return 1 if bad else 0


def _drive(preset: Preset, installed: Path, script: Script) -> bool:
    harness = harness_from(preset.settings)
    with tempfile.TemporaryDirectory() as place, in_a_thread(decide=script) as provider:
        home, worktree = Path(place, "home"), Path(place, "work")
        home.mkdir()
        worktree.mkdir()
        values = {"agent": str(installed), "gateway": provider.url, "home": str(home), "model": "candidate"}
        values |= dict.fromkeys(("prompt_file", "session", "transcript"), "") | {"worktree": str(worktree)}
        values["prompt"] = "Say hello in README.md."
        for path, text in harness.files.items():
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_text(filled(text, values))
        env = {name: filled(value, values) for name, value in harness.env.items()}
        env |= {"HOME": str(home), "PATH": os.environ["PATH"]}
        argv = [filled(part, values) for part in harness.argv]
        done = subprocess.run(
            argv, cwd=worktree, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=180
        )
        outcome = PARSERS[harness.parser].read(done.stdout).outcome
        wrote = (worktree / "README.md").exists()
        return bool(done.returncode == 0 and outcome and outcome.succeeded and wrote)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
