"""Where the code of functions and layers lies: source directories, used in place."""

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import yaml

# YAML's fast loader, where it is built in.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# A code location `s3://lab-source/<path without its first slash>` is a directory here.
SOURCE_BUCKET = "lab-source"


def unpacked(archive: bytes, state: Path) -> Path:
    """The directory with the content of a function's archive."""
    directory = state / "code" / hashlib.sha256(archive).hexdigest()[:16]
    if not directory.is_dir():
        with zipfile.ZipFile(io.BytesIO(archive)) as content:
            content.extractall(directory)
    return directory.resolve()
