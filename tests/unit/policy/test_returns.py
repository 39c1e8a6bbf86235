"""A campaign's returns: each figure by its formula."""

from decimal import Decimal

import pytest

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.returns import Returns
from madan_sara.policy.budget import Account, AccountScope
from madan_sara.policy.returns import CampaignBalances, analyse
from madan_sara.policy.tallies import Tallies, Tally, TallyKind
from tests.unit.policy.builders import campaign

STATE, RECEIPT, CONVERSION = TallyKind


def account(scope: AccountScope, key: str, spent: str) -> Account:
    micros = int(Decimal(spent) * 1_000_000)
    return Account(scope, key, None, 5_000_000, micros, None, 0)


def returns_of(spent: str, *tallies: Tally) -> Returns:
    accounts = [account(AccountScope.CAMPAIGN, "", spent)]
    return analyse(campaign(), CampaignBalances(accounts, Tallies(tallies))).total


def test_each_channel_and_the_total_have_their_own_figures():
    shop = campaign(channels=["sms", "email"])
    balances = CampaignBalances(
        accounts=[
            account(AccountScope.CAMPAIGN, "", "10.5"),
            account(AccountScope.CHANNEL, "email", "0.5"),
            account(AccountScope.CHANNEL, "sms", "8"),
            account(AccountScope.CHANNEL, "chat", "2"),
        ],
        tallies=Tallies(
            [
                Tally(STATE, "sent", "", "email", 400),
                Tally(STATE, "unknown", "", "email", 100),
                Tally(STATE, "blocked", "duplicate", "email", 7),
                Tally(STATE, "sent", "", "sms", 1000),
                Tally(STATE, "scheduled", "", "sms", 30),
                Tally(RECEIPT, "delivered", "", "email", 250),
                Tally(RECEIPT, "opened", "", "email", 90),
                Tally(RECEIPT, "clicked", "", "email", 40),
                Tally(RECEIPT, "engaged", "", "email", 100),
                Tally(RECEIPT, "delivered", "", "", 5),
                Tally(CONVERSION, "conversion", "", "email", 4, 20_000_000),
                Tally(CONVERSION, "conversion", "", "sms", 1, 2_000_000),
            ]
        ),
    )

    analytics = analyse(shop, balances)

    assert list(analytics.by_channel) == ["sms", "email", "chat"]
    assert analytics.by_channel[Channel.EMAIL] == Returns(
        spent=Decimal("0.5"),
        messages=500,
        delivered=250,
        engaged=100,
        conversions=4,
        conversion_value=Decimal(20),
        cost_per_message=Decimal("0.001000"),
        cost_per_delivered=Decimal("0.002000"),
        cost_per_engagement=Decimal("0.005000"),
        roi=Decimal("39.0000"),
    )
    sms = analytics.by_channel[Channel.SMS]
    assert (sms.messages, sms.cost_per_message) == (1000, Decimal("0.008"))
    assert sms.cost_per_delivered is sms.cost_per_engagement is None
    assert sms.roi == Decimal("-0.75")
    assert analytics.by_channel[Channel.CHAT].roi == Decimal(-1)
    total = analytics.total
    assert (total.spent, total.messages, total.delivered) == (Decimal("10.5"), 1500, 255)
    assert (total.conversions, total.conversion_value) == (5, Decimal(22))
    assert total.roi == Decimal("1.0952")


@pytest.mark.parametrize(
    ("spent", "value_micros", "roi"),
    [
        ("0", 0, None),
        ("0", 5_000_000, None),
        ("3", 0, Decimal("-1.0000")),
        ("3", 4_000_000, Decimal("0.3333")),
        ("0.000001", 1_000_000_000_000_000, Decimal("999999999999999")),
    ],
)
def test_the_return_is_the_gain_by_the_spend(spent, value_micros, roi):
    sale = Tally(CONVERSION, "conversion", "", "sms", 1, value_micros)
    assert returns_of(spent, sale).roi == roi


def test_a_cost_is_rounded_to_a_micro_unit_and_is_no_cost_of_nothing():
    assert returns_of("1", Tally(STATE, "sent", "", "sms", 3)).cost_per_message == Decimal(
        "0.333333"
    )
    assert returns_of("1").cost_per_message is None
    assert returns_of("0", Tally(STATE, "sent", "", "sms", 3)).cost_per_message == 0
