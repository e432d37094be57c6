"""`python -m marlin.local`: run Marlin, run a command beside private servers, find a browser."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from marlin.local import CannotServe, browser, supervisor
from marlin.local.area import area_at
from marlin.local.processes import end_descendants, keep
from marlin.local.servers import user_environment

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    arguments = _parser().parse_args()
    try:
        if arguments.command == "browser":
            print(browser.find(ROOT / "var"))
            return 0
        keep()
        supervisor.stop_on_signals()
        try:
            return _serve(arguments)
        finally:
            end_descendants(patience=2)
    except CannotServe as why:
        print(why, file=sys.stderr)
        return 1
    except supervisor.Stop as why:
        return 128 + why.number


def _serve(arguments: argparse.Namespace) -> int:
    if arguments.command == "run":
        root = arguments.root.resolve()
        return supervisor.run(area_at(root / "var"), root, user_environment())
    return supervisor.with_servers(
        area_at(arguments.data), user_environment(), _words(arguments.words), fast=arguments.fast
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m marlin.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="servers, web, workers and beat, until Ctrl-C")
    run.add_argument("--root", type=Path, default=ROOT, help="the checkout to serve")
    beside = commands.add_parser("with-servers", help="run a command beside a private PostgreSQL and Valkey")
    beside.add_argument(
        "--data", type=Path, default=ROOT / "var" / "test", help="where they keep their files"
    )
    beside.add_argument(
        "--fast", action="store_true", help="do not wait for the disk; for data that nobody keeps"
    )
    beside.add_argument("words", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    commands.add_parser("browser", help="print the path of a Chromium that starts, fetching one if need be")
    return parser


def _words(words: list[str]) -> list[str]:
    command = words[1:] if words[:1] == ["--"] else words
    if not command:
        raise CannotServe("Name the command to run: with-servers -- COMMAND…")
    return command


if __name__ == "__main__":
    sys.exit(main())
