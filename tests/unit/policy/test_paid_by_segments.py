"""A campaign by text message starts the recipients its money pays for, by segments."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from madan_sara.contracts.campaign import Campaign, CampaignStatus
from madan_sara.contracts.campaign_run import NextStep, WaitReason
from madan_sara.contracts.money import to_micros
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.policy.budget import Account, AccountScope
from madan_sara.policy.campaign_days import campaign_day
from madan_sara.policy.campaign_progress import CampaignFacts, next_step
from tests.unit.policy.builders import NOW, campaign

SEGMENT = 7_500


@dataclass
class Playing:
    """A campaign whose messages have given prices, taken step after step to its rest."""

    its: Campaign
    price: int
    queued: int
    now: datetime = NOW
    put_back: int = 0
    sent: int = 0
    starts: int = 0
    requeued_at: int | None = None
    spent: Counter[date] = field(default_factory=Counter)

    @property
    def whole(self) -> Account:
        budget = self.its.budget_total
        limit = None if budget is None else to_micros(budget)
        return Account(AccountScope.CAMPAIGN, "", limit, 0, self.sent * self.price, None, 0)

    @property
    def a_day(self) -> int | None:
        limit = self.its.daily_spend_limit
        return None if limit is None else to_micros(limit)

    def facts(self) -> CampaignFacts:
        days = [
            Account(AccountScope.DAY, day.isoformat(), None, 0, micros, None, micros // self.price)
            for day, micros in self.spent.items()
        ]
        return CampaignFacts(
            campaign=self.its,
            by_state={"queued": self.queued + self.put_back, "sent": self.sent},
            by_reason={},
            without_room=self.put_back,
            accounts=[self.whole, *days],
            today=campaign_day(self.its, self.now),
        )

    def to_its_rest(self) -> NextStep:
        for _ in range(10 * self.queued + 40):
            step = next_step(self.facts(), self.now, requeued_at_micros=self.requeued_at)
            if step.dispatch is not None:
                for _ in range(step.dispatch):
                    self.start_one()
            elif step.requeue:
                self.queued, self.put_back = self.queued + self.put_back, 0
                self.requeued_at = self.whole.remaining_micros or 0
            elif step.wait and step.wait.reason is WaitReason.NEXT_DAY and step.wait.until:
                self.now = step.wait.until
            else:
                return step
        raise AssertionError(f"it never rests: {self.starts} starts for {self.sent} sends")

    def start_one(self) -> None:
        """Send on the first day with room, or go back into the queue where no day has any."""
        self.starts, self.queued = self.starts + 1, self.queued - 1
        left, a_day = self.whole.remaining_micros, self.a_day
        if (left is not None and left < self.price) or (a_day is not None and a_day < self.price):
            self.put_back += 1
            return
        day = campaign_day(self.its, self.now)
        while a_day is not None and self.spent[day] + self.price > a_day:
            day += timedelta(days=1)
        self.spent[day] += self.price
        self.sent += 1


def _money(micros: int | None) -> Decimal | None:
    return None if micros is None else Decimal(micros) / 1_000_000


@given(
    segments=st.integers(1, 4),
    filled_in=st.integers(0, 2),
    people=st.integers(1, 30),
    budget=st.none() | st.integers(0, 40 * SEGMENT),
    a_day=st.none() | st.integers(1, 12 * SEGMENT),
    end_date=st.sampled_from([None, NOW + timedelta(days=400)]),
)
@example(segments=3, filled_in=0, people=218, budget=100_000, a_day=None, end_date=None)
@example(segments=3, filled_in=0, people=20, budget=None, a_day=10_000, end_date=None)
@example(segments=1, filled_in=2, people=20, budget=None, a_day=10_000, end_date=None)
def test_whom_the_money_does_not_pay_for_is_not_started_again_and_again(
    segments, filled_in, people, budget, a_day, end_date
):
    its = campaign(
        channels=["sms"],
        templates={"sms": "a" * (153 * segments if segments > 1 else 160) + "{{ name }}"},
        settings=OrchestratorSettings(prices={"sms": Decimal("0.0075")}),
        budget_total=_money(budget),
        daily_spend_limit=_money(a_day),
        end_date=end_date,
    )
    price = (segments + filled_in) * SEGMENT
    played = Playing(its, price, people)

    rest = played.to_its_rest()

    affordable = people if budget is None else min(people, budget // price)
    assert played.sent == (0 if a_day is not None and a_day < price else affordable)
    # Only names can make a message dearer than foreseen; then it is tried a second time.
    assert played.starts <= (2 * people if filled_in else played.sent)
    if played.sent == people:
        assert rest.end is CampaignStatus.COMPLETED
    elif end_date is None:
        assert rest.sweep is not None
    else:
        assert rest.wait is not None
        assert rest.wait.reason is WaitReason.BUDGET
