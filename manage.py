#!/usr/bin/env python
"""Marlin's command line. The login to PostgreSQL follows from the command: see `marlin.logins`."""

import os
import sys

from marlin.logins import process_of


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marlin.settings")
    os.environ.setdefault("MARLIN_PROCESS", process_of(sys.argv[1:2]))
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
