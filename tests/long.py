"""Whether this run has time: `make chaos` and `make proofs` run the same tests with larger numbers."""

import os

LONG = os.environ.get("MARLIN_LONG") == "1"
