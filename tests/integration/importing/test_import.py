"""Recipients get into a campaign's queue: each once, in the order of the file, as sent."""

import asyncio
import json
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest

from madan_sara.contracts.errors import StorageError
from madan_sara.contracts.naming import import_key
from madan_sara.persistence.messages import PostgresMessageStore
from madan_sara.persistence.new_recipient import NewRecipient
from madan_sara.starter.importing import run
from madan_sara.starter.importing.run import ImportProgress
from madan_sara.starter.requests import new_message
from tests.integration.importing.conftest import read_csv, write_jsonl


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(run, "CHUNK_ROWS", 3)


async def test_recipients_are_queued_in_the_order_of_the_file(importing):
    people = [f"person-{n}" for n in (5, 3, 9, 1, 7, 2, 8)]
    result = await importing.run(importing.people(people))
    assert result["seconds"] > 0
    assert {**result, "seconds": 0} == {
        "campaign_id": str(importing.campaign.id),
        "file": str(importing.folder / "people.csv"),
        "rows_read": 7,
        "added": 7,
        "known": 0,
        "known_lines": [],
        "unreachable": 0,
        "unreachable_lines": [],
        "channels": list(importing.campaign.channels),
        "rejected": 0,
        "columns": ["id <- id", "name <- name", "email <- email", "attribute <- town"],
        "warnings": [],
        "reopened": False,
        "rejects_file": None,
        "seconds": 0,
    }
    assert await importing.ids() == people
    assert not (importing.folder / "people.rejected.csv").exists()


async def test_added_recipients_without_a_channel_are_counted_and_named(saved):
    """Known ones are not added, so they count only as known; rejected ones only as rejected."""
    importing = await saved(channels=["email", "sms"])
    people = [
        {"id": "ana", "name": "Ana", "town": "Jacmel", "twitter_handle": "@ana"},
        {"id": "joe", "name": "Joe", "town": "Jacmel", "email": "joe@example.com"},
        {"id": "zoe", "name": "Zoe", "town": "Jacmel", "linkedin_id": "zoe"},
        {"id": "ana", "name": "Ana", "town": "Jacmel", "twitter_handle": "@ana"},
        {"id": "max", "name": "Max", "town": "Jacmel", "twitter_handle": "@max"},
        {"id": "lea", "name": "Lea", "twitter_handle": "@lea"},
    ]
    path = write_jsonl(importing.folder / "p.jsonl", people)
    result = await importing.run(path)
    assert (result["added"], result["known"], result["rejected"]) == (4, 1, 1)
    assert (result["unreachable"], result["unreachable_lines"]) == (3, [1, 3, 5])
    assert result["channels"] == ["email", "sms"]
    again = await importing.run(path)
    assert (again["added"], again["unreachable"], again["unreachable_lines"]) == (0, 0, [])


async def test_a_recipient_is_stored_as_a_request_would_be(importing):
    """Bit by bit what `send_outreach` stores, but for state, key and the order of ids."""
    profile = {
        "name": "Zoë",
        "customer_type": "new",
        "contact_info": {"email": "zoe@example.com", "whatsapp": "+50937001234"},
        "engagement_history": {"email": {"open_rate": 0.5}},
        "attributes": {"town": "Jacmel", "visits": 3, "rate": 0.1},
    }
    campaign = importing.campaign
    request = new_message(campaign, "zoe", profile, campaign.templates, idempotency_key="other")
    await PostgresMessageStore(importing.database).store(request, datetime.now(UTC))
    await importing.run(write_jsonl(importing.folder / "p.jsonl", [{"id": "zoe", **profile}]))

    by_state = {message["state"]: message for message in await importing.messages()}
    sent, imported = by_state["deciding"], by_state["queued"]
    own = {"message_id", "idempotency_key", "state", "created_at", "waits"}
    assert {k: v for k, v in imported.items() if k not in own} == {
        k: v for k, v in sent.items() if k not in own
    }
    assert imported["idempotency_key"] == import_key(campaign.id, "zoe")
    assert (imported["message_id"].version, imported["waits"]) == (7, True)
    assert imported["request_digest"] == request.request_digest
    assert "device_preference" not in json.loads(imported["document"])


async def test_importing_twice_adds_no_recipient(importing):
    path = importing.people(["a", "b", "c", "d"])
    await importing.run(path)
    before = await importing.messages()
    result = await importing.run(path)
    assert (result["added"], result["known"]) == (0, 4)
    assert result["known_lines"] == [2, 3, 4, 5]
    assert await importing.messages() == before


async def test_of_two_rows_for_one_person_the_first_counts(importing):
    """In one chunk and across two."""
    rows = [("a", "Ana"), ("b", "Bo"), ("a", "Anton"), ("c", "Cy"), ("b", "Bea")]
    people = [
        {"id": who, "name": name, "email": "m@example.com", "town": "x"} for who, name in rows
    ]
    result = await importing.run(write_jsonl(importing.folder / "people.jsonl", people))
    assert (result["rows_read"], result["added"], result["known"]) == (5, 3, 2)
    assert result["known_lines"] == [3, 5]
    messages = await importing.messages()
    assert [message["profile"]["name"] for message in messages] == ["Ana", "Bo", "Cy"]


async def test_a_file_with_more_people_adds_only_those(importing):
    await importing.run(importing.people(["a", "b"]))
    result = await importing.run(importing.people(["b", "c", "a", "d"], "more.csv", name="New"))
    assert (result["added"], result["known"]) == (2, 2)
    assert await importing.ids() == ["a", "b", "c", "d"]
    names = [message["profile"]["name"] for message in await importing.messages()]
    assert names == ["Marie", "Marie", "New", "New"]


async def test_one_person_may_be_in_two_campaigns(saved):
    for _ in range(2):
        importing = await saved()
        result = await importing.run(importing.people(["a"]))
        assert result["added"] == 1


async def test_progress_is_reported_chunk_by_chunk(importing):
    await importing.run(importing.people(["a"]))
    path = importing.people(["a", "b", "c", "", "d", "e", "f"])
    seen: list[ImportProgress] = []
    await importing.run(path, on_progress=seen.append)
    assert seen == [
        ImportProgress(rows_total=7, rows_read=3, added=2, known=1, rejected=0),
        ImportProgress(rows_total=7, rows_read=6, added=4, known=1, rejected=1),
        ImportProgress(rows_total=7, rows_read=7, added=5, known=1, rejected=1),
    ]


async def test_rejected_rows_are_beside_the_file_with_line_and_reason(importing):
    path = importing.folder / "people.csv"
    path.write_text(
        'id;name;E-mail;Town\n1;"Ma\nrie";m@example.com;Jacmel\n2;;nobody;\n3;Zoë;z@example.com;x\n'
    )
    result = await importing.run(path)
    assert (result["added"], result["rejected"]) == (2, 1)
    rejects = importing.folder / "people.rejected.csv"
    assert result["rejects_file"] == str(rejects)
    header, row = read_csv(rejects, ";")
    assert header == ["rejected_line", "rejected_reason", "id", "name", "E-mail", "Town"]
    assert (row[0], row[2:]) == ("4", ["2", "", "nobody", ""])
    assert "town: is missing" in row[1]
    assert "email: is no e-mail address" in row[1]

    # Corrected and imported again, all recipients are in and the old rejects are gone.
    path.write_text(path.read_text().replace(";;nobody;", ";Jean;j@example.com;Hinche"))
    result = await importing.run(path)
    assert (result["added"], result["known"], result["rejected"]) == (1, 2, 0)
    assert result["rejects_file"] is None
    assert not rejects.exists()


async def test_rejects_go_where_they_are_wanted(importing):
    elsewhere = importing.folder / "wrong.csv"
    result = await importing.run(importing.people(["", "a"]), rejects=elsewhere)
    assert result["rejects_file"] == str(elsewhere)
    assert elsewhere.exists()
    assert not (importing.folder / "people.rejected.csv").exists()


async def test_counts_of_the_campaign_are_kept(importing):
    await importing.run(importing.people([str(n) for n in range(8)]))
    (row,) = await importing.query(
        "SELECT sum(messages) AS queued FROM (SELECT * FROM campaign_tallies UNION ALL"
        " SELECT * FROM campaign_tally_changes) t WHERE tenant_id = :tenant_id"
        "   AND campaign_id = :campaign_id AND kind = 'state' AND name = 'queued'"
    )
    assert row["queued"] == 8


async def test_content_is_stored_once(importing):
    await importing.run(importing.people(["a", "b", "c", "d"]))
    digest = importing.campaign.templates.digest()
    assert {message["content_digest"] for message in await importing.messages()} == {digest}
    (row,) = await importing.query(
        "SELECT digest, CAST(body AS text) AS body FROM contents WHERE tenant_id = :tenant_id"
    )
    assert row["digest"] == digest
    assert json.loads(row["body"]) == importing.campaign.templates.model_dump(mode="json")


async def test_two_imports_at_once_that_name_the_same_people(importing):
    """In opposite orders: neither may wait for the other for ever, no recipient is added twice."""
    people = [str(n) for n in range(60)]
    one = importing.people(people, "one.csv")
    other = importing.people(reversed(people), "other.csv")
    results = await asyncio.gather(*(importing.run(path) for path in (one, other, one, other)))
    assert sum(result["added"] for result in results) == 60
    assert sorted(await importing.ids(), key=int) == people


async def test_a_chunk_is_stored_as_a_whole_or_not_at_all(importing):
    good = NewRecipient("a", "digest", "{}", "{}")
    broken = NewRecipient("b", "digest", "no JSON", "{}")
    add = importing.store.add_rows
    content = importing.campaign.templates
    with pytest.raises(StorageError):
        await add(importing.campaign, content, [good, broken], datetime.now(UTC))
    assert await importing.messages() == []
    assert (await add(importing.campaign, content, [good], datetime.now(UTC))).known == []
    assert await importing.ids() == ["a"]


async def test_nothing_is_left_on_the_connections(importing):
    await importing.run(importing.people(["a", "b", "c", "d"]))
    rows = await importing.query(
        "SELECT relname FROM pg_class WHERE relpersistence = 't' AND relkind = 'r'"
    )
    assert rows == []


async def test_a_tenant_sees_its_own_recipients_only(importing):
    await importing.run(importing.people(["a"]))
    other = importing.campaign.model_copy(update={"tenant_uuid": UUID(int=7)})
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await importing.store.add_rows(
            other, other.templates, [NewRecipient("a", "d", "{}", "{}")], datetime.now(UTC)
        )
    assert await importing.ids() == ["a"]
