"""Racing for the last of a campaign's money and messages."""

from decimal import Decimal

import pytest

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.policy.budget import AccountScope
from madan_sara.policy.ledger import AccountKey, Balance
from tests.integration.races.crowd import ask, tally
from tests.ledger import assert_nothing_left_behind, sums_of_entries
from tests.makers import make_campaign

#: A price that no binary fraction can hold.
PRICE = Decimal("0.012347")
MICROS = 12_347
#: The most that is still too little for one more message.
CRUMB = Decimal("0.012346")


def _campaign(tenant_id, **limits) -> OutreachCampaign:
    return make_campaign(
        tenant_id, channels=["chat"], settings={"prices": {"chat": PRICE}}, **limits
    )


async def test_two_hundred_racing_sends_spend_a_budget_for_sixty_to_the_last_unit(
    crowd, database, tenant_id, messages_got
):
    campaign = _campaign(tenant_id, budget_total=60 * PRICE + CRUMB)

    results = await crowd.race([ask(campaign, f"{tenant_id}-{n}") for n in range(200)])

    assert tally(results) == {"scheduled": 60, "budget_exceeded": 140}
    assert messages_got(str(tenant_id)) == 60
    await assert_nothing_left_behind(database, tenant_id)
    sums = await sums_of_entries(database, tenant_id)
    assert sums[AccountKey(campaign.id, AccountScope.CAMPAIGN, "")] == Balance(
        held_micros=0, spent_micros=60 * MICROS, messages=60
    )
    budget = (await crowd.one().get_orchestration_status(campaign.id))["budget"]
    assert budget["budget_spent"] == float(60 * PRICE)
    assert budget["budget_held"] == 0
    assert budget["budget_remaining"] == float(CRUMB)


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(
            {"budget_per_channel": {"chat": {"total": 7 * PRICE + CRUMB}}}, id="channel budget"
        ),
        pytest.param({"daily_spend_limit": 7 * PRICE + CRUMB}, id="daily spend limit"),
    ],
)
async def test_racing_sends_stay_within(limits, crowd, database, tenant_id, messages_got):
    campaign = _campaign(tenant_id, **limits)

    results = await crowd.race([ask(campaign, f"{tenant_id}-{n}") for n in range(30)])

    assert tally(results) == {"scheduled": 7, "budget_exceeded": 23}
    assert messages_got(str(tenant_id)) == 7
    await assert_nothing_left_behind(database, tenant_id)


async def test_forty_racing_sends_into_a_daily_limit_of_ten(
    crowd, database, tenant_id, messages_got
):
    campaign = _campaign(tenant_id, daily_limit=10)

    results = await crowd.race([ask(campaign, f"{tenant_id}-{n}") for n in range(40)])

    assert tally(results) == {"scheduled": 10, "daily_limit": 30}
    blocked = [r["details"] for r in results if r["status"] == "blocked"]
    assert all(details["remaining_today"] == 0 for details in blocked)
    assert messages_got(str(tenant_id)) == 10
    await assert_nothing_left_behind(database, tenant_id)
