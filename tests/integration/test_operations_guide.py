"""The SQL of the operations guide does what the guide says."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from madan_sara.activities.attempt_store import Postponement
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import AWAITS_TURN
from tests.audience import queue
from tests.integration.persistence.shop import Shop
from tests.makers import make_campaign

HOUR = timedelta(hours=1)
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


async def test_a_message_in_the_line_of_a_rate_limit_is_not_called_overdue(database, tenant_id):
    shop, now = Shop(database, tenant_id), datetime.now(UTC)
    ref = await shop.message(await shop.campaign(channels=["chat"]), "marie")
    await shop.reserve(ref)
    is_late = text("UPDATE messages SET scheduled_at = :at WHERE message_id = :message_id")
    async with database.statement() as connection:
        await connection.execute(is_late, {"at": now - HOUR, "message_id": ref.message_id})
    (query,) = (each for each in _statements(_GUIDE.read_text()) if "m.scheduled_at <" in each)

    async def is_overdue() -> bool:
        async with database.statement() as connection:
            return ref.message_id in (await connection.execute(text(query))).scalars()

    assert await is_overdue()
    for until, overdue in ((now + HOUR, False), (now - HOUR / 2, True)):
        place = Postponement(until=until, code=AWAITS_TURN, awaits_turn=True)
        await shop.attempts.put_off(
            ref, 1, Channel.CHAT, now, place, openings=0, tries=0, called_account=""
        )
        assert await is_overdue() is overdue


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
