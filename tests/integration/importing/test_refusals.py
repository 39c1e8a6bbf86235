"""What refuses a whole file: one line that says why, and nothing is stored."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from madan_sara.contracts.campaign import FINAL_STATUSES, CampaignStatus
from madan_sara.contracts.errors import FinalStatusError, InvalidRequestError
from madan_sara.persistence.campaigns import PostgresCampaignStore
from madan_sara.starter.importing import run
from madan_sara.starter.importing.run import ImportProgress

GOOD = "id,name,email,town\n"
PERSON = "1,Marie,m@example.com,Jacmel\n"


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(run, "CHUNK_ROWS", 2)


async def refusal(importing, path, **options: object) -> str:
    with pytest.raises((FinalStatusError, InvalidRequestError)) as refused:
        await importing.run(path, **options)
    assert len(str(refused.value).splitlines()) == 1
    assert await importing.messages() == []
    assert not path.with_suffix(f".rejected{path.suffix}").exists()
    return str(refused.value)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("people.xls", GOOD + PERSON, "people.xls: unknown kind of file"),
        ("people", GOOD + PERSON, "people: unknown kind of file"),
        ("people.csv", "name,email,town\n" + PERSON, "people.csv: there is no id column"),
        ("people.csv", "id,email\n", "people.csv: there is no column town"),
        ("people.csv", "id,town,Town\n", "people.csv: columns 'town' and 'Town' both mean town"),
        ("people.csv", "", "people.csv: is empty"),
        # The violation is in the last line, behind everything that could have been stored.
        ("people.csv", GOOD + PERSON * 9 + "Zoë\n", "people.csv: line 11: is no UTF-8"),
        ("people.csv", GOOD + PERSON * 9 + '"open\n', "line 11: a cell is opened with a quote"),
        ("people.jsonl", '{"id": "1"}\n' * 9 + "Zoë\n", "people.jsonl: line 10: is no UTF-8"),
    ],
)
async def test_a_file_that_cannot_be_used_is_refused(importing, file, content, said):
    path = importing.folder / file
    path.write_bytes(content.encode("latin-1"))
    assert said in await refusal(importing, path)


async def test_a_file_that_is_not_there_is_named(importing):
    assert "nobody.csv: cannot be read" in await refusal(importing, importing.folder / "nobody.csv")


async def test_a_campaign_without_templates_has_nothing_to_send(saved):
    importing = await saved(templates=None)
    said = await refusal(importing, importing.people(["a"]))
    assert said == (
        f"campaign {importing.campaign.id} has no templates; save it with the texts its "
        "recipients are sent"
    )


@pytest.mark.parametrize("status", sorted(FINAL_STATUSES))
async def test_a_campaign_that_is_over_takes_no_recipients(saved, status):
    ended = datetime.now(UTC) - timedelta(hours=1)
    dates = {"start_date": ended - timedelta(days=1), "end_date": ended}
    over_too = dates if status is CampaignStatus.COMPLETED else {}
    importing = await saved(status=status, **over_too)
    said = await refusal(importing, importing.people(["a"]))
    assert said == (
        f"campaign {importing.campaign.id} is {status}, which is final; import into another one"
    )


async def test_a_completed_campaign_goes_on_with_added_recipients(saved):
    importing = await saved(status=CampaignStatus.COMPLETED)
    assert (await importing.run(importing.people(["", "a"])))["reopened"]
    (row,) = await importing.query(
        "SELECT status FROM campaigns WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id"
    )
    assert row["status"] == "active"
    assert not (await importing.run(importing.people(["b"])))["reopened"]


async def test_a_completed_campaign_that_gets_no_recipient_stays_so(saved):
    importing = await saved()
    await importing.run(importing.people(["a"]))
    completed = "UPDATE campaigns SET status = 'completed' WHERE campaign_id = :campaign_id"
    await importing.execute(completed)
    for people in (["a"], [""]):
        assert not (await importing.run(importing.people(people)))["reopened"]
    (row,) = await importing.query(
        "SELECT status FROM campaigns WHERE campaign_id = :campaign_id AND tenant_id = :tenant_id"
    )
    assert row["status"] == "completed"


@pytest.mark.parametrize("status", set(CampaignStatus) - FINAL_STATUSES)
async def test_one_that_is_not_takes_recipients(saved, status):
    importing = await saved(status=status)
    assert (await importing.run(importing.people(["a"])))["added"] == 1


async def test_an_unknown_country_is_refused(importing):
    path = importing.people(["a"])
    assert "region: 'Haiti' is no country" in await refusal(importing, path, region="Haiti")


async def test_rejects_that_cannot_be_written_are_found_before_anything_is_stored(importing):
    path = importing.people(["a"])
    nowhere = importing.folder / "nowhere" / "wrong.csv"
    assert "cannot be written" in await refusal(importing, path, rejects=nowhere)
    assert "is the file to import" in await refusal(importing, path, rejects=path)
    assert path.read_text().startswith("id,name")


async def test_a_campaign_that_ends_meanwhile_takes_no_recipients_after_that(importing):
    ends = "UPDATE campaigns SET status = 'cancelled' WHERE campaign_id = :campaign_id"

    def end(progress: ImportProgress) -> None:
        tasks.append(asyncio.create_task(importing.execute(ends)))

    tasks: list[asyncio.Task[None]] = []
    path = importing.people([str(n) for n in range(1_000)])
    with pytest.raises(FinalStatusError, match="is cancelled, which is final"):
        await importing.run(path, on_progress=end)
    await asyncio.gather(*tasks)
    stored = await importing.ids()
    assert 2 <= len(stored) < 1_000
    assert len(stored) % 2 == 0


async def test_a_campaign_cannot_end_between_the_look_at_it_and_the_storing(importing):
    """The end must find every recipient there is to close."""
    async with importing.database.transaction() as connection:
        ending = text("UPDATE campaigns SET status = 'cancelled' WHERE campaign_id = :id")
        await connection.execute(ending, {"id": importing.campaign.id})
        storing = asyncio.create_task(importing.run(importing.people(["a"])))
        done, _ = await asyncio.wait([storing], timeout=0.5)
        assert not done
    with pytest.raises(FinalStatusError, match="is cancelled"):
        await storing
    assert await importing.messages() == []


async def test_the_campaign_as_it_is_saved_decides(saved):
    """Not the one the import began with."""
    importing = await saved()
    store = PostgresCampaignStore(importing.database)
    campaign = importing.campaign
    assert campaign.status is CampaignStatus.ACTIVE
    await importing.execute(
        "UPDATE campaigns SET status = 'expired' WHERE campaign_id = :campaign_id"
    )
    stored = await store.load(campaign.tenant_uuid, campaign.id)
    assert stored is not None
    assert stored.campaign.status is CampaignStatus.EXPIRED
    assert "is expired" in await refusal(importing, importing.people(["a"]))
