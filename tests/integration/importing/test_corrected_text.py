"""A text that is corrected after an import reaches queued recipients, or is reported."""

from datetime import UTC, datetime

from madan_sara.contracts.content import MessageContent
from madan_sara.starter import queued_texts
from madan_sara.starter.digests import request_digest
from madan_sara.starter.queued_texts import QueuedTexts, TextsRenewed
from madan_sara.starter.requests import new_message
from tests.integration.importing.conftest import write_jsonl

CORRECTED = MessageContent({"default": "Bonjou {{ name }}, 100 gourdes in {{ town }}!"})
WITH_DEBT = MessageContent({"default": "{{ name }}, {{ debt | plus: 0 }} gourdes"})


def _corrected(importing, content):
    return importing.campaign.model_copy(update={"templates": content})


async def _texts(importing):
    """What each recipient is to be sent, by id."""
    rows = await importing.query(
        "SELECT m.recipient_id, t.body ->> 'default' AS text FROM messages m"
        "  JOIN contents t ON (t.tenant_id, t.digest) = (m.tenant_id, m.content_digest)"
        " WHERE m.tenant_id = :tenant_id AND m.campaign_id = :campaign_id"
    )
    return {row["recipient_id"]: row["text"] for row in rows}


async def test_queued_recipients_get_the_corrected_text(importing, monkeypatch):
    monkeypatch.setattr(queued_texts, "_AT_ONCE", 2)
    people = [f"person-{n}" for n in range(5)]
    await importing.run(importing.people(people))
    texts, corrected = QueuedTexts(importing.database), _corrected(importing, CORRECTED)

    assert await texts.renew(corrected) == TextsRenewed(renewed=5)

    assert await _texts(importing) == dict.fromkeys(people, CORRECTED.root["default"])
    assert await texts.renew(corrected) == TextsRenewed()
    first, *_ = await importing.messages()
    profile = new_message(
        corrected,
        first["recipient_id"],
        {
            "name": "Marie",
            "contact_info": {"email": "m@example.com"},
            "attributes": {"town": "Jacmel"},
        },
        CORRECTED,
    ).profile
    assert first["request_digest"] == request_digest(
        corrected.id, first["recipient_id"], profile, CORRECTED.digest(), force_send=False
    )
    # Imported once more, they are known all the same.
    assert (await importing.run(importing.people(people)))["added"] == 0


async def test_a_recipient_without_the_corrected_texts_fields_keeps_the_old_text_and_is_reported(
    importing,
):
    rows = [
        {"id": name, "name": "Marie", "email": "m@example.com", "town": "Jacmel", "debt": debt}
        for name, debt in (("a", "100"), ("b", "1250,50"), ("c", 7))
    ]
    await importing.run(write_jsonl(importing.folder / "people.jsonl", rows))
    before = await _texts(importing)

    result = await QueuedTexts(importing.database).renew(_corrected(importing, WITH_DEBT))

    assert (result.renewed, result.kept) == (2, 1)
    (violation,) = result.violations
    assert violation.startswith("content.default: uses a filter on a value it cannot work with")
    assert "1250,50" not in violation
    new = WITH_DEBT.root["default"]
    assert await _texts(importing) == {"a": new, "b": before["b"], "c": new}


async def test_a_message_that_has_begun_keeps_its_text(importing):
    await importing.run(importing.people(["asleep", "waits"]))
    before = await _texts(importing)
    await importing.execute(
        "UPDATE messages SET state = 'scheduled' WHERE tenant_id = :tenant_id"
        " AND campaign_id = :campaign_id AND recipient_id = 'asleep'"
    )

    result = await QueuedTexts(importing.database).renew(_corrected(importing, CORRECTED))

    assert result == TextsRenewed(renewed=1)
    assert (await _texts(importing))["asleep"] == before["asleep"]


async def test_a_batch_with_its_own_text_keeps_it(importing):
    person = {"name": "Marie", "contact_info": {"email": "m@example.com"}}
    own = MessageContent({"default": "Her own text"})
    batch = [new_message(importing.campaign, "of-a-batch", person, own)]
    await importing.store.add(importing.campaign, batch, datetime.now(UTC))

    result = await QueuedTexts(importing.database).renew(_corrected(importing, CORRECTED))

    assert result == TextsRenewed()
    assert await _texts(importing) == {"of-a-batch": "Her own text"}
