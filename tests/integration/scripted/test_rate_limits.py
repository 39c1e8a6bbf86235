"""A channel with a rate limit, and more messages due than it takes at once."""

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.outreach import OutreachState
from tests.fakes.sender import ScriptedSender
from tests.ledger import assert_nothing_left_behind
from tests.makers import make_campaign, make_profile, phone_of
from tests.waiting import eventually

#: Longer than any test: the second call waits for hours.
SLOW = 0.0001


def _reachable(person: str) -> dict[str, Any]:
    mailbox = f"{person.replace(' ', '.')}@example.com"
    return make_profile(contact_info={"email": mailbox, "phone": phone_of(person)})


async def test_the_second_of_two_calls_waits_for_its_turn_and_says_so(stage, database, tenant_id):
    sender = ScriptedSender()
    await stage.cast({Channel.EMAIL: sender}, rate_limits={Channel.EMAIL: SLOW})
    campaign = make_campaign(tenant_id, channels=["email"], budget_total=1)
    first = await stage.start(campaign)
    assert (await first.result()).state is OutreachState.SENT
    second = await stage.start(campaign)

    async def waits() -> bool:
        attempts = (await stage.record(second, tenant_id)).attempts
        return any(attempt.wait and attempt.wait.awaits_turn for attempt in attempts)

    async def what_it_waits_for() -> str:
        pending = (await second.describe()).raw_description.pending_activities
        return "".join(activity.last_failure.message for activity in pending)

    await eventually(waits, "the second message waits for its turn")
    said = await eventually(what_it_waits_for, "the Web UI says what for")
    assert said == "waits for its turn: email takes one call each 10,000 s"
    await second.cancel()
    with pytest.raises(WorkflowFailureError):
        await second.result()
    assert len(sender.asked) == 1
    await assert_nothing_left_behind(database, tenant_id)


async def test_many_due_at_once_are_each_called_once_and_none_goes_to_another_channel(
    stage, tenant_id
):
    sender, spare = ScriptedSender(), ScriptedSender()
    await stage.cast({Channel.EMAIL: sender, Channel.SMS: spare}, rate_limits={Channel.EMAIL: 15.0})
    campaign = make_campaign(
        tenant_id, channels=["email", "sms"], channel_priority={"default": ["email", "sms"]}
    )
    people = [f"{tenant_id} {number}" for number in range(40)]
    started = [await stage.start(campaign, _reachable(each), recipient_id=each) for each in people]
    results = await asyncio.gather(*(handle.result() for handle in started))

    assert {result.state for result in results} == {OutreachState.SENT}
    assert (len(sender.asked), len(spare.asked)) == (40, 0)
    records = [await stage.record(handle, tenant_id) for handle in started]
    assert {(a.calls, a.tries) for record in records for a in record.attempts} == {(1, 1)}
