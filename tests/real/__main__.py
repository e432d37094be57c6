"""Drives the agents below a folder, each in one named after its preset: `make test-agents AGENTS=/opt/agents`.

Through everything a rater's candidates come through: a worker, the sandbox, the gateway. Only the provider is ours.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tasks.presets import presets

FILES = ("tests/real/cases.py", "tests/real/conversations.py", "tests/real/installers.py")


def main(words: list[str]) -> int:
    """`words`: the folder, then what pytest is to be told."""
    if not words or not installed_below(Path(words[0])):
        known = ", ".join(name for name, preset in presets().items() if preset.needs_directory)
        print(f"Name a folder with an agent in it: AGENTS=/folder, and /folder/NAME for any of {known}.")
        return 2
    command = ["with-servers", "--fast", "--data", "var/test/agents", "--"]
    command += [sys.executable, "-m", "pytest", "-q", "-s", *(words[1:] or FILES)]
    environment = {**os.environ, "AGENTS": str(Path(words[0]).resolve())}
    return subprocess.run([sys.executable, "-m", "marlin.local", *command], env=environment).returncode


def installed_below(folder: Path) -> list[str]:
    """The presets that have a folder there."""
    return [name for name in presets() if (folder / name).is_dir()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
