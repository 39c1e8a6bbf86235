"""Which limits differ between two versions of a campaign."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.limit_changes import limit_changes, render_changes

LIMITED = {
    "id": str(uuid4()),
    "name": "Spring fair",
    "channels": ["email", "sms"],
    "daily_limit": 10,
    "budget_total": "5.0",
    "daily_spend_limit": 2,
    "budget_per_channel": {"sms": {"total": 1}},
    "start_date": "2090-01-01T00:00Z",
    "end_date": "2090-02-01T00:00Z",
}


def changed(**changes: object) -> str:
    before, after = (OutreachCampaign.model_validate({**LIMITED, **c}) for c in ({}, changes))
    return render_changes(limit_changes(before, after))


def test_changed_limits_are_reported_with_both_figures():
    assert (
        changed(daily_limit=500, budget_total=100) == "daily_limit 10 -> 500; budget_total 5 -> 100"
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"daily_limit": None}, "daily_limit 10 -> none"),
        ({"daily_limit": 0}, "daily_limit 10 -> 0"),
        ({"budget_total": None}, "budget_total 5 -> none"),
        ({"daily_spend_limit": "0.25"}, "daily_spend_limit 2 -> 0.25"),
        ({"budget_per_channel": None}, "budget_per_channel.sms 1 -> none"),
        (
            {"budget_per_channel": {"email": {"total": 3}, "sms": {"total": 1}}},
            "budget_per_channel.email none -> 3",
        ),
        ({"end_date": None}, "end_date 2090-02-01T00:00:00Z -> none"),
        (
            {"end_date": datetime(2090, 3, 1, tzinfo=UTC)},
            "end_date 2090-02-01T00:00:00Z -> 2090-03-01T00:00:00Z",
        ),
    ],
)
def test_every_limit_is_compared(change, expected):
    assert changed(**change) == expected


def test_an_equal_figure_or_no_limit_is_no_change():
    assert changed() == ""
    assert changed(budget_total=Decimal("5.000"), name="Autumn fair", status="paused") == ""
