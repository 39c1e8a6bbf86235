"""Calls in any order, as lost tasks, late workers, providers and operators make them.

Each rule is one step or one call of a port. Arguments are near what the rows say, and often not
what they say any more: an earlier attempt, one opening too few, an instant that has passed.
"""

from datetime import timedelta
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.delivery import AttemptState, DeliveryEventKind
from tests.makers import make_campaign
from tests.twins import driver
from tests.twins.account_rules import AccountRules
from tests.twins.attempt_rules import AttemptRules
from tests.twins.campaign_rules import CampaignRules
from tests.twins.driver import CAMPAIGNS
from tests.twins.message_rules import MessageRules
from tests.twins.world import CHANNELS, Letter

#: To read all rows takes longer than a call.
_CALLS_BETWEEN_LOOKS: Final = 5


class TwinsMachine(MessageRules, AttemptRules, CampaignRules, AccountRules):
    """Drives the stores of one world, and compares every answer and every row."""

    _calls = 0

    @initialize(
        budget=driver.amounts,
        daily_limit=driver.counts,
        ends_in=driver.hours,
        lookback=st.sampled_from([24, 1, 50]),
        near_duplicates=st.booleans(),
        auto_pacing=st.booleans(),
    )
    def begin(
        self,
        budget: str | None,
        daily_limit: int | None,
        ends_in: int | None,
        lookback: int,
        near_duplicates: bool,
        auto_pacing: bool,
    ) -> None:
        tight = self._campaign(
            0,
            channels=CHANNELS[:2],
            budget_total=budget,
            daily_limit=daily_limit,
            end_date=None if ends_in is None else self.at() + timedelta(hours=ends_in),
            auto_pacing=auto_pacing,
            settings={
                "dedup_lookback_hours": lookback,
                "max_messages_per_day": 2,
                "near_duplicate_days": 7 * near_duplicates,
            },
        )
        self.do(self.world.add_campaign(tight))
        self.do(self.world.add_campaign(self._campaign(1, channels=CHANNELS)))
        for person in range(3):
            letter = Letter(CAMPAIGNS[0], person, 0, force_send=False, is_queued=False)
            self.do(self.world.add_message(letter))

    def _campaign(self, number: int, **changes: Any) -> Campaign:
        zone, begins = "America/New_York", self.at()
        campaign = make_campaign(
            self.world.tenant_id,
            **{"id": CAMPAIGNS[number], "timezone": zone, "start_date": begins, **changes},
        )
        return campaign.resolved()

    @rule(minutes=st.sampled_from([1, 20, 70, 600, 1_500, 4_000, 11_000]))
    def pass_time(self, minutes: int) -> None:
        self.world.pass_time(timedelta(minutes=minutes))

    @rule(
        message=driver.messages,
        answer=st.sampled_from([AttemptState.ACCEPTED, AttemptState.REFUSED, None]),
    )
    def send(self, message: int, answer: AttemptState | None) -> None:
        """The plain way of a message, as far as it goes."""
        self.decide(message, None, 0)
        self.open_attempt(message, "newest", 0, 0)
        if answer is None:
            self.close_attempt(message, "newest", 0)
        else:
            self.record(message, "newest", answer, 0, None, None, 0)

    @rule(message=driver.messages, channel=driver.channels)
    def fall_back(self, message: int, channel: int) -> None:
        """The way of a message whose channel has refused it."""
        self.send(message, AttemptState.REFUSED)
        self.release(message, "newest")
        self.reserve(message, "next", None, channel, 0, 1_000, 0)

    @rule(message=driver.messages)
    def bounce(self, message: int) -> None:
        """The way of a message that was sent and came back."""
        self.send(message, AttemptState.ACCEPTED)
        self.receive(message, "newest", DeliveryEventKind.BOUNCED, "5.1.1", again=False)
        self.reopen(message)

    @invariant()
    def the_rows_are_equal(self) -> None:
        self._calls += 1
        if self._calls % _CALLS_BETWEEN_LOOKS == 0:
            self.runner.run(self.world.require_equal_rows())

    def teardown(self) -> None:
        self.runner.run(self.world.require_equal_rows())
