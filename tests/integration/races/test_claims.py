"""Racing for the right to contact a person."""

from tests.integration.races.crowd import ask, tally
from tests.ledger import assert_nothing_left_behind
from tests.makers import make_campaign


async def test_of_fifty_racing_clients_one_reaches_the_person(
    crowd, database, tenant_id, messages_got
):
    campaign = make_campaign(tenant_id, channels=["chat"], budget_total=1)
    person = f"one-of-fifty-{tenant_id}"

    results = await crowd.race([ask(campaign, person)] * 50)

    assert tally(results) == {"scheduled": 1, "duplicate": 49}
    winner = next(r["message_id"] for r in results if r["status"] == "scheduled")
    losers = [r for r in results if r["status"] == "blocked"]
    assert {r["details"]["last_message_id"] for r in losers} == {winner}
    assert messages_got(person) == 1
    await assert_nothing_left_behind(database, tenant_id)


async def test_of_twelve_racing_campaigns_three_reach_the_person(
    crowd, database, tenant_id, messages_got
):
    settings = {"max_messages_per_day": 3, "near_duplicate_days": 0}
    campaigns = [
        make_campaign(tenant_id, name=f"Stall {n}", channels=["chat"], settings=settings)
        for n in range(12)
    ]
    person = f"three-of-twelve-{tenant_id}"

    results = await crowd.race([ask(campaign, person) for campaign in campaigns])

    assert tally(results) == {"scheduled": 3, "frequency_cap": 9}
    assert messages_got(person) == 3
    await assert_nothing_left_behind(database, tenant_id)


async def test_of_racing_campaigns_with_one_text_a_single_one_reaches_the_person(
    crowd, database, tenant_id, messages_got
):
    campaigns = [make_campaign(tenant_id, name=f"Stall {n}", channels=["chat"]) for n in range(8)]
    person = f"same-text-{tenant_id}"

    results = await crowd.race([ask(campaign, person) for campaign in campaigns])

    assert tally(results) == {"scheduled": 1, "duplicate": 7}
    assert messages_got(person) == 1
    await assert_nothing_left_behind(database, tenant_id)
