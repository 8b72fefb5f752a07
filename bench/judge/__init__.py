"""Compares rules that judge a canary, on the same random traces.

`python -m bench.judge [--traces N]` from the root of the repository, in the environment of
requirements/bench.txt; `python -m bench.judge.promotion` for the other rule.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "layers" / "steadystate"))
