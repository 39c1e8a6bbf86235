"""Calls in any order, as lost tasks, late workers, providers and operators make them.

Each rule is one step or one call of a port. Arguments are near what the rows say, and often not
what they say any more: an earlier attempt, one opening too few, an instant that has passed.
"""

from datetime import timedelta
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant

from madan_sara.contracts.campaign import Campaign
from tests.makers import make_campaign
from tests.twins import driver
from tests.twins.driver import CAMPAIGNS
from tests.twins.story_rules import StoryRules
from tests.twins.world import CHANNELS, Letter

#: To read all rows takes longer than a call.
_CALLS_BETWEEN_LOOKS: Final = 8


class TwinsMachine(StoryRules):
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
        settings = {"max_messages_per_day": 9, "near_duplicate_days": 0}
        for number in (1, 2):
            loose = self._campaign(number, channels=CHANNELS, settings=settings)
            self.do(self.world.add_campaign(loose))
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

    @invariant()
    def the_rows_are_equal(self) -> None:
        self._calls += 1
        if self._calls % _CALLS_BETWEEN_LOOKS == 0:
            self.runner.run(self.world.require_equal_rows())

    def teardown(self) -> None:
        self.runner.run(self.world.require_equal_rows())
