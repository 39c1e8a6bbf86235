"""What the acceptance tests share."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def state_dir() -> Iterator[Path]:
    # Not pytest's own: a PostgreSQL started by root runs as somebody else.
    with tempfile.TemporaryDirectory(prefix="madan-sara-stack-") as folder:
        yield Path(folder)
