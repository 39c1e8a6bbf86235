"""What a statement has just found to be the tenant's is not asked after again."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from madan_sara.contracts.errors import NotFoundError
from madan_sara.persistence import ownership
from madan_sara.persistence.database import Database, Query
from madan_sara.starter.orchestrator import OutreachOrchestrator
from tests.makers import make_campaign, make_profile

_TEXT = {"default": "Bonjou"}


class _Asked(Database):
    """A database that knows how often it was asked whose something is."""

    def __init__(self, dsn: str) -> None:
        super().__init__(dsn)
        self.whose = 0

    async def fetch(self, query: Query, parameters):
        self.whose += query in (ownership._MESSAGE, ownership._CAMPAIGN)
        return await super().fetch(query, parameters)


@pytest.fixture
async def asked(dsn) -> AsyncIterator[_Asked]:
    database = _Asked(dsn)
    yield database
    await database.close()


async def test_commands_saves_and_imports_do_not_ask_again(
    client, asked, workers, tenant_id, tmp_path
):
    orchestrator = OutreachOrchestrator(client, asked, tenant_id=tenant_id)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    campaign = make_campaign(tenant_id, start_date=tomorrow, templates=_TEXT)
    file = tmp_path / "people.csv"
    file.write_text("id,name,email\nana,Ana,ana@example.com\n")

    await orchestrator.save_campaign(campaign)
    await orchestrator.import_recipients(campaign.id, file)
    sent = await orchestrator.send_outreach(campaign, "marie", make_profile(), _TEXT)
    await orchestrator.cancel(UUID(sent["message_id"]))
    control = orchestrator.campaign(campaign.id)
    for command in (control.start, control.pause, control.resume, control.cancel):
        await command()
    assert asked.whose == 0

    await control.look_again()
    assert asked.whose == 1


async def test_what_is_not_the_tenants_is_found_by_the_statement_itself(
    client, asked, workers, tenant_id
):
    orchestrator = OutreachOrchestrator(client, asked, tenant_id=tenant_id)
    control = orchestrator.campaign(make_campaign(tenant_id).id)
    for command in (control.start, control.pause, control.resume, control.cancel):
        with pytest.raises(NotFoundError):
            await command()
    assert asked.whose == 0
