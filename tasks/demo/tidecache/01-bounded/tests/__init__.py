"""The suite runs from a checkout, without installing: python3 -m unittest"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))
