"""How long recipients take to get into a campaign: `python -m benchmarks.importing`.

A seeded CSV file goes in through the same import as `madan-sara campaign import`: every row
is validated, its templates filled in, and stored with its number in the campaign's queue, on
a PostgreSQL of the benchmark's own. Temporal takes no part.
"""

import argparse
import csv
import os
import random
import resource
import sys
import time
from pathlib import Path
from typing import Final

import uvloop
from sqlalchemy import text

from benchmarks.arguments import positive
from benchmarks.load import save_campaigns
from benchmarks.machine import CpuMeter, CpuUse, describe
from benchmarks.servers import running_postgres, throwaway_folder
from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.persistence.database import Database
from madan_sara.persistence.recipients import PostgresRecipients
from madan_sara.starter.importing.run import ImportOptions, ImportResult, import_file

#: The most that 100,000 rows should take on two cores.
_TARGET_SECONDS: Final = 30
TARGET_ROWS: Final = 100_000
_SEED: Final = 20261122

_COLUMNS: Final = (
    "id",
    "name",
    "customer_type",
    "timezone",
    "device_preference",
    "email",
    "phone",
    "preferred_channel",
    "town",
    "favourite_bread",
)
_ZONES: Final = ("America/Port-au-Prince", "America/New_York", "America/Montreal", "Europe/Paris")
_TOWNS: Final = ("Jacmel", "Pétion-Ville", "Les Cayes", "Gonaïves", "Montréal", "Saint-Denis")
_BREADS: Final = ("pen rale", "cassave", "pain patate", "brioche")
_NAMES: Final = ("Marie", "Jean", "Rose", "Wilner", "Guerda", "Estelle", "Fritz", "Mireille")

_CAMPAIGN: Final = {
    "name": "Import",
    "channels": ["email", "sms", "whatsapp"],
    "recipient_fields": ["town", "favourite_bread"],
    "templates": {
        "email": {
            "subject": "{{ name }}, the ovens of {{ town }} are hot",
            "text": "Bonjou {{ name }},\n\nthe {{ favourite_bread }} is ready in {{ town }} on "
            "Saturday at six. Bring this message and the first one is ours.\n",
        },
        "default": "{{ name }}, {{ favourite_bread }} in {{ town }}, Saturday at six!",
    },
}


async def measure(rows: int) -> None:
    """Import the file into an empty campaign and once more, and check what is stored."""
    with throwaway_folder() as folder:
        print(f"Recipients in bulk\n{describe(folder)}\n")
        file = folder / "recipients.csv"
        write_recipients(file, rows)
        print(f"{rows} rows, {file.stat().st_size / 1e6:.1f} MB, seed {_SEED}")
        # Servers open the folder to their own account only; the file is read by ours.
        async with running_postgres(folder) as (server, dsn):
            database = Database(dsn)
            meter = CpuMeter({"import": os.getpid(), "PostgreSQL": server.pid})
            try:
                campaign = OutreachCampaign.model_validate(_CAMPAIGN)
                await save_campaigns(database, [campaign])
                for name in ("first import", "the same file again"):
                    await _measure_import(database, meter, campaign, file, name)
                await _check(database, rows)
            finally:
                await database.close()
    print(f"Target: {TARGET_ROWS} rows in {_TARGET_SECONDS} s on two cores.")


def write_recipients(file: Path, rows: int) -> None:
    """A file of people who differ, the same at every run."""
    chance = random.Random(_SEED)
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(_COLUMNS)
        for number in range(rows):
            name = chance.choice(_NAMES)
            writer.writerow(
                (
                    f"customer-{number:07}",
                    f"{name} {chance.choice(_NAMES)}",
                    chance.choice(("new", "returning", "existing")),
                    chance.choice(_ZONES),
                    chance.choice(("mobile", "desktop", "")),
                    f"{name.lower()}.{number}@mail{chance.randrange(500)}.example.com",
                    f"+509 3{chance.randrange(10**7):07}",
                    chance.choice(("email", "sms", "whatsapp", "")),
                    chance.choice(_TOWNS),
                    chance.choice(_BREADS),
                )
            )


async def _measure_import(
    database: Database,
    meter: CpuMeter,
    campaign: OutreachCampaign,
    file: Path,
    name: str,
) -> None:
    store = PostgresRecipients(database)
    meter.lap()
    started = time.perf_counter()
    result = await import_file(store, campaign.resolved(), file, ImportOptions())
    seconds = time.perf_counter() - started
    cpu = meter.lap()
    _report(name, result, seconds, cpu)


def _report(name: str, result: ImportResult, seconds: float, cpu: CpuUse) -> None:
    rows = result["rows_read"]
    print(
        f"\n{name}: {result['added']} added, {result['known']} known, {result['rejected']} "
        f"rejected in {seconds:.1f} s, {rows / seconds:.0f} rows a second"
    )
    used = ", ".join(f"{program} {spent:.1f}" for program, spent in cpu.by_program.items())
    print(f"CPU-seconds: {used}; cores used by others: {cpu.elsewhere / seconds:.2f}")
    print(f"peak memory: {_peak_megabytes():.0f} MB")
    if name == "first import" and rows == TARGET_ROWS:
        outcome = "met" if seconds < _TARGET_SECONDS else "missed"
        print(f"target of {_TARGET_SECONDS} s {outcome}")


def _peak_megabytes() -> float:
    # Linux counts in kilobytes, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


async def _check(database: Database, rows: int) -> None:
    """Every recipient is stored once, and waits in the queue."""
    counted = text("""
        SELECT (SELECT count(DISTINCT recipient_id) FROM messages WHERE state = 'queued') AS people,
               (SELECT count(*) FROM messages) AS messages,
               (SELECT count(*) FROM campaign_queue) AS queued
    """)
    async with database.statement() as connection:
        found = (await connection.execute(counted)).one()
    assert tuple(found) == (rows, rows, rows), f"{rows} rows, but stored are {tuple(found)}"
    print(f"\n{rows} recipients stored and queued once.")


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.importing")
    parser.add_argument("--rows", type=positive, default=TARGET_ROWS)
    uvloop.run(measure(parser.parse_args().rows))


if __name__ == "__main__":
    main()
