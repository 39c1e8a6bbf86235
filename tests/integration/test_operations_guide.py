"""The SQL of the operations guide does what the guide says."""

import re
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from tests.audience import queue
from tests.makers import make_campaign

_GUIDE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
#: The suppressions, which prevent any further contact; the guide says to keep them.
_KEPT = {"suppressions"}
_TABLES = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")


async def test_nothing_of_a_person_is_left_but_the_request_not_to_be_contacted(
    orchestrator, database, tenant_id, mail_sink
):
    person = f"person-{tenant_id}"
    address = f"{person}@example.com"
    campaign = make_campaign(
        tenant_id, channels=["email"], templates={"email": "Bonjour {{ name }}"}
    )
    await orchestrator.save_campaign(campaign)
    profile = {"name": f"Marie {person}", "contact_info": {"email": address}}
    await queue(database, campaign, [{"id": person, **profile}])
    await (await orchestrator.campaign(campaign.id).start()).result()
    blocked = await orchestrator.send_outreach(campaign, person, profile, {"email": "Bonsoir"})
    assert blocked["status"] == "blocked"
    await orchestrator.handle(UUID(blocked["message_id"])).result()
    await orchestrator.suppress(recipient_id=person)
    assert await _tables_with(database, person) > _KEPT

    async with database.transaction() as connection:
        for statement in _statements(_section(), tenant=str(tenant_id), recipient=person):
            await connection.execute(text(statement))

    assert await _tables_with(database, person) == _KEPT
    assert [m for m in mail_sink.messages if address in m.message["To"]]
    status = await orchestrator.get_orchestration_status(campaign.id)
    assert status["total_sent"] == 1


async def test_every_query_of_the_guide_is_one(orchestrator, database, tenant_id):
    campaign = make_campaign(tenant_id)
    await orchestrator.save_campaign(campaign)
    guide = _GUIDE.read_text().replace(_section(), "")
    queries = _statements(guide, campaign=str(campaign.id))
    assert len(queries) >= 5
    async with database.statement() as connection:
        for query in queries:
            (await connection.execute(text(query))).all()


async def test_the_guide_describes_every_table(database):
    async with database.statement() as connection:
        tables = set((await connection.execute(_TABLES)).scalars())
    rows = re.findall(r"^\| (`.*?`) \|", _section(), flags=re.MULTILINE)
    assert tables - {"alembic_version"} == set(re.findall(r"`(\w+)`", " ".join(rows)))


def _section() -> str:
    return _GUIDE.read_text().split("## Erasing a person")[1].split("\n## ")[0]


def _statements(guide: str, **variables: str) -> list[str]:
    """The statements of a part of the guide, with the variables of psql filled in."""
    script = "".join(re.findall(r"```sql\n(.*?)```", guide, flags=re.DOTALL))
    script = re.sub(r"--.*", "", script)
    for name, value in variables.items():
        script = script.replace(f":'{name}'", f"'{value}'")
    statements = [statement.strip() for statement in script.split(";")]
    return [statement for statement in statements if statement not in ("", "BEGIN", "COMMIT")]


async def _tables_with(database, words: str) -> set[str]:
    """Tables with a row that contains some words."""
    found = set()
    async with database.statement() as connection:
        for table in (await connection.execute(_TABLES)).scalars().all():
            rows = text(f"SELECT count(*) FROM {table} t WHERE t::text LIKE :words")
            if (await connection.execute(rows, {"words": f"%{words}%"})).scalar_one():
                found.add(table)
    return found
