"""An import needs the same memory for a file ten times as long."""

import csv
import tracemalloc
from itertools import count
from pathlib import Path

import pytest

from madan_sara.persistence.recipients import StoredRecipients
from madan_sara.starter.importing import files, run
from madan_sara.starter.importing.run import ImportOptions, import_file
from tests.unit.starter.importing.builders import importing_campaign


class ForgetfulStore:
    """Takes recipients and keeps none."""

    def __init__(self) -> None:
        self.largest = 0

    async def add_rows(self, campaign, content, recipients, now) -> StoredRecipients:
        self.largest = max(self.largest, len(recipients))
        return StoredRecipients()


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(run, "CHUNK_ROWS", 50)
    monkeypatch.setattr(files, "_BLOCK_BYTES", 10_000)


def written(path: Path, rows: int) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "name", "email", "town"])
        for number, _ in zip(count(), range(rows), strict=False):
            # One in ten is rejected.
            town = "" if number % 10 == 0 else "Jacmel"
            # Long, because pydantic keeps the last few thousand short texts it has seen.
            writer.writerow([f"person-{number:070}", "Marie" * 20, "m@example.com", town])
    return path


async def peak_of_import(path: Path, rows: int) -> int:
    store = ForgetfulStore()
    tracemalloc.start()
    try:
        result = await import_file(
            store,  # type: ignore[arg-type]
            importing_campaign(),
            written(path, rows),
            ImportOptions(),
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert result["rows_read"] == rows
    assert result["added"] + result["rejected"] == rows
    assert store.largest <= 50
    return peak


async def test_memory_does_not_grow_with_the_file(tmp_path):
    await peak_of_import(tmp_path / "warm-up.csv", 100)
    short = await peak_of_import(tmp_path / "short.csv", 300)
    long = await peak_of_import(tmp_path / "long.csv", 2_500)
    more = (tmp_path / "long.csv").stat().st_size - (tmp_path / "short.csv").stat().st_size
    assert long - short < more / 4, f"{long - short} bytes more for {more} bytes more of a file"


async def test_long_rows_come_in_small_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "_CHUNK_CHARACTERS", 2_000)
    store = ForgetfulStore()
    path = written(tmp_path / "people.csv", 100)
    await import_file(store, importing_campaign(), path, ImportOptions())  # type: ignore[arg-type]
    assert store.largest == 10
