"""What a newcomer waits for: set-up, the first verdict and the checks, in a fresh clone.

Packages are downloaded anew, into caches of their own. `make test` says itself how long it took.
"""

import os
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STEPS = {
    "set up `.venv`, no package cached": ("make", ".venv/ready"),
    "`make demo`, to the verdict and back to the prompt": ("make", "demo"),
    "`make check`, with its set-up": ("make", "check"),
}


def measure() -> list[str]:
    """Return the rows of a table. A step that fails ends the measurement with its output."""
    rows = ["| in a fresh clone | seconds |", "|---|---|"]
    with tempfile.TemporaryDirectory() as directory:
        clone = Path(directory) / "clone"
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        own |= {"UV_CACHE_DIR": f"{directory}/uv", "PIP_CACHE_DIR": f"{directory}/pip"}
        for name, command in STEPS.items():
            began = time.monotonic()
            done = subprocess.run(
                command,
                check=False,
                cwd=clone,
                env=own,
                capture_output=True,
                text=True,
            )
            if done.returncode:
                output = (done.stdout + done.stderr)[-4000:]
                raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{output}")
            rows.append(f"| {name} | {time.monotonic() - began:.0f} |")
    return rows
