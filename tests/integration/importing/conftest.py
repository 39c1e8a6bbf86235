"""A saved campaign, a store, and files to import."""

import csv
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import text

from madan_sara.contracts.campaign import Campaign
from madan_sara.persistence.database import Database
from madan_sara.persistence.recipients import PostgresRecipients
from madan_sara.starter.importing.run import ImportOptions, ImportResult, import_file
from tests.makers import make_campaign
from tests.stored import store_campaign


class Importing:
    """Imports files into one saved campaign, and looks at what is stored."""

    def __init__(self, database: Database, campaign: Campaign, folder: Path) -> None:
        self.database = database
        self.campaign = campaign
        self.folder = folder
        self.store = PostgresRecipients(database)

    async def run(self, path: Path, **options: Any) -> ImportResult:
        return await import_file(self.store, self.campaign, path, ImportOptions(**options))

    def people(self, ids: Iterable[str], file: str = "people.csv", *, name: str = "Marie") -> Path:
        """A CSV file of people who differ by their id; one without an id is rejected."""
        path = self.folder / file
        with path.open("w", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(["id", "name", "email", "town"])
            writer.writerows([person, name, "m@example.com", "Jacmel"] for person in ids)
        return path

    async def messages(self) -> list[dict[str, Any]]:
        """The campaign's messages in the order of their ids."""
        return await self.query(
            "SELECT m.*, CAST(profile AS text) AS document, q.message_id IS NOT NULL AS waits"
            "  FROM messages m"
            "  LEFT JOIN campaign_queue q USING (tenant_id, campaign_id, message_id)"
            " WHERE m.tenant_id = :tenant_id AND m.campaign_id = :campaign_id ORDER BY message_id"
        )

    async def ids(self) -> list[str]:
        """Who is in the campaign, in the order it will start them; each waits in its queue."""
        messages = await self.messages()
        assert all(message["waits"] for message in messages)
        return [message["recipient_id"] for message in messages]

    async def query(self, sql: str) -> list[dict[str, Any]]:
        async with self.database.statement() as connection:
            found = await connection.execute(text(sql), self._key(sql))
            return [dict(row) for row in found.mappings()]

    async def execute(self, sql: str) -> None:
        async with self.database.statement() as connection:
            await connection.execute(text(sql), self._key(sql))

    def _key(self, sql: str) -> dict[str, UUID]:
        key = {"tenant_id": self.campaign.tenant_uuid, "campaign_id": self.campaign.id}
        return {name: value for name, value in key.items() if f":{name}" in sql}


Saved = Callable[..., Any]


@pytest.fixture
def saved(database: Database, tenant_id: UUID, tmp_path: Path) -> Saved:
    """Saves a campaign that can be imported into."""

    async def save(**changes: Any) -> Importing:
        ordinary = {
            "templates": {"default": "Bonjou {{ name }}, see you in {{ town }}!"},
            "recipient_fields": ["town"],
        }
        written = make_campaign(tenant_id, **{**ordinary, **changes})
        campaign = await store_campaign(database, written, datetime.now(UTC))
        return Importing(database, campaign, tmp_path)

    return save


@pytest_asyncio.fixture
async def importing(saved: Saved) -> Importing:
    importing: Importing = await saved()
    return importing


def read_csv(path: Path, delimiter: str = ",") -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))


def write_jsonl(path: Path, rows: Iterable[object]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path
