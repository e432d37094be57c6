"""diff2html and highlight.js under node: installed outside of the checkout, for the time of one run."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("diff2html@3.4.56", "highlight.js@11.12.0")
SCRIPT = Path(__file__).with_name("anchor.mjs")


@dataclass(frozen=True)
class Anchor:
    """Where the packages lie; `missing` says why they do not."""

    folder: Path
    missing: str = ""

    @property
    def command(self) -> list[str]:
        # A page of the huge pair is a string of 150 MB, of which node makes several.
        return ["node", "--max-old-space-size=8192", str(SCRIPT), str(self.folder)]

    @property
    def style(self) -> Path:
        return self.folder / "node_modules" / "diff2html" / "bundles" / "css" / "diff2html.min.css"


def anchor_in(folder: Path) -> Anchor:
    missing = [program for program in ("node", "npm") if shutil.which(program) is None]
    if missing:
        return Anchor(folder, f"{' and '.join(missing)} not found: diff2html was not measured.")
    (folder / "package.json").write_text("{}")
    options = ("--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder))
    try:
        subprocess.run(
            ["npm", "install", *options, *PACKAGES],
            check=True,
            capture_output=True,
            timeout=300,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return Anchor(folder, f"npm could not fetch {' and '.join(PACKAGES)}: diff2html was not measured.")
    return Anchor(folder)
