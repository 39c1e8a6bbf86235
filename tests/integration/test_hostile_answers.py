"""A provider that answers badly: every outreach ends, its person having one message at most."""

import asyncio
from uuid import UUID, uuid4

from madan_sara.contracts.outreach import OutreachState
from tests.ledger import assert_nothing_left_behind
from tests.makers import make_campaign
from tests.privacy import people_found

#: Taken by the sandbox, with any answer; it can be asked later.
_TAKEN = ("trickle", "endless", "bomb", "garbage", "tangled", "giant", "nul", "extra")


async def test_a_taken_message_is_sent_and_the_answers_words_are_not_kept(
    orchestrator, tenant_id, sandbox, database, kept_folder
):
    campaign = make_campaign(tenant_id, channels=["chat"], budget_total=1)
    secret = uuid4().hex

    async def reach(word: str) -> tuple[OutreachState, int]:
        profile = {"name": f"Marie {secret}", "contact_info": {"user_id": f"{word}-{secret}"}}
        text = {"default": "Bonjou {{ name }}!"}
        sent = await orchestrator.send_outreach(campaign, f"{word} {secret}", profile, text)
        ended = await orchestrator.handle(UUID(sent["message_id"])).result()
        taken = [each for each in sandbox.taken() if each.message_id == sent["message_id"]]
        return ended.state, len(taken)

    *ends, refused = await asyncio.gather(*map(reach, (*_TAKEN, "parrot")))
    assert dict(zip(_TAKEN, ends, strict=True)) == dict.fromkeys(_TAKEN, (OutreachState.SENT, 1))
    assert refused == (OutreachState.FAILED, 0)
    await assert_nothing_left_behind(database, tenant_id)
    assert people_found(kept_folder, [str(campaign.id)]), (
        "histories are not where they are looked for"
    )
    assert people_found(kept_folder, [secret]) == []
