"""Shows patches to whoever has no page at hand: see `grading.diffs.command`."""

import sys

from grading.diffs.command import main

if __name__ == "__main__":
    sys.exit(main())
