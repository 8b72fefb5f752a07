from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.compute.laboratory import Laboratory, laboratory


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    directory: Path = tmp_path_factory.mktemp("lab")
    with laboratory(directory) as lab:
        yield lab
