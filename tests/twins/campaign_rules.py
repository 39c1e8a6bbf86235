"""Rules on campaigns: commands, changes of limits and ends, their queue and their sweeps."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from madan_sara.activities.campaign import carry_out
from madan_sara.contracts.campaign import Campaign, CampaignStatus, ChannelBudget
from madan_sara.contracts.campaign_run import CommandInput, Sweep, Wait, WaitReason
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.outreach import ExitReason, OutreachState
from tests.twins import driver
from tests.twins.driver import Driver
from tests.twins.world import CHANNELS

_COMMANDS: Final = {
    "resumed": CampaignStatus.ACTIVE,
    "paused": CampaignStatus.PAUSED,
    "completed": CampaignStatus.COMPLETED,
    "cancelled": CampaignStatus.CANCELLED,
}
_commands = st.sampled_from([*(["resumed"] * 5), *(["paused"] * 3), "completed", "cancelled"])
_sweeps = st.sampled_from(
    [
        ([OutreachState.SCHEDULED], OutreachState.BLOCKED, ExitReason.EXPIRED),
        ([OutreachState.QUEUED], OutreachState.BLOCKED, ExitReason.EXPIRED),
        ([OutreachState.QUEUED], OutreachState.BLOCKED, ExitReason.BUDGET_EXCEEDED),
        (
            [OutreachState.QUEUED, OutreachState.SCHEDULED],
            OutreachState.CANCELLED,
            ExitReason.CANCELLED,
        ),
    ]
)


class CampaignRules(Driver):
    """Calls on `CampaignRunStore`."""

    @rule(campaign=driver.campaigns, kind=_commands, late=driver.late)
    def command(self, campaign: int, kind: str, late: int) -> None:
        self._command(campaign, late, kind, status=_COMMANDS[kind])

    @rule(
        campaign=driver.campaigns,
        budget=driver.amounts,
        limit=driver.counts,
        hours=driver.hours,
        late=driver.late,
    )
    def set_limits(
        self, campaign: int, budget: str | None, limit: int | None, hours: int | None, late: int
    ) -> None:
        end = None if hours is None else self.at() + timedelta(hours=hours)
        money = None if budget is None else Decimal(budget)
        self._command(
            campaign, late, "limits_set", budget_total=money, daily_limit=limit, end_date=end
        )

    @rule(
        campaign=driver.campaigns,
        budget=driver.amounts,
        channels=st.sampled_from([CHANNELS, CHANNELS[:1], CHANNELS[1:]]),
        daily=driver.amounts,
        hours=driver.hours,
        lookback=st.sampled_from([24, 1]),
        auto_pacing=st.booleans(),
    )
    def change(
        self,
        campaign: int,
        budget: str | None,
        channels: Sequence[Channel],
        daily: str | None,
        hours: int | None,
        lookback: int,
        auto_pacing: bool,
    ) -> None:
        """Change what no command changes; the end may come earlier, too."""
        now = self.at()
        spend = None if budget is None else {channels[0]: ChannelBudget(total=Decimal(budget))}

        def changed(present: Campaign) -> Campaign:
            changes = {
                "channels": tuple(channels),
                "budget_per_channel": spend,
                "daily_spend_limit": None if daily is None else Decimal(daily),
                "end_date": None if hours is None else now + timedelta(hours=hours),
                "auto_pacing": auto_pacing,
                "settings": present.settings.model_copy(update={"dedup_lookback_hours": lookback}),
            }
            return present.model_copy(update=changes)

        ref = self.campaign(campaign)
        self.do(self.world.runs.change(ref, changed, now, kind="limits_saved", details={}))

    @rule(campaign=driver.campaigns, late=driver.late, from_start=st.booleans())
    def look(self, campaign: int, late: int, from_start: bool) -> None:
        """Read what the next step of a campaign depends on."""
        ref = self.campaign(campaign)
        self.do(self.world.runs.facts(ref, self.at(late)))
        self.do(self.world.runs.in_motion(ref))
        self.do(self.world.events_after(ref, from_start=from_start))

    @rule(
        campaign=driver.campaigns,
        share=driver.counts,
        days=st.sampled_from([0, 0, 1]),
        reason=st.sampled_from([None, *WaitReason]),
    )
    def wait(self, campaign: int, share: int | None, days: int, reason: WaitReason | None) -> None:
        """Note what a look at a campaign has led to."""
        ref, at = self.campaign(campaign), self.at()
        day = (at + timedelta(days=days)).date()
        self.do(self.world.runs.set_share(ref, share, day, "the budget lasts", at))
        wait = None if reason is None else Wait(reason=reason, until=at)
        self.do(self.world.runs.note_wait(ref, wait))

    @rule(
        campaign=driver.campaigns,
        at_most=st.integers(1, 3),
        only_taken=st.booleans(),
        started=st.none() | st.lists(driver.messages, max_size=2),
    )
    def dispatch(
        self, campaign: int, at_most: int, only_taken: bool, started: list[int] | None
    ) -> None:
        """Take from the queue, and note those or others as started."""
        ref = self.campaign(campaign)
        page = self.do(self.world.runs.take(ref, at_most, only_taken=only_taken))
        if started is not None:
            message_ids = [self.message(message).message_id for message in started]
            self.do(self.world.runs.started(ref, message_ids))
        elif page is not None:
            self.do(self.world.runs.started(ref, page.message_ids))

    @rule(campaign=driver.campaigns)
    def requeue(self, campaign: int) -> None:
        self.do(self.world.runs.requeue(self.campaign(campaign)))

    @rule(
        campaign=driver.campaigns,
        sweep=_sweeps,
        after=st.sampled_from([None, 0, 3]),
        pages=st.integers(1, 4),
        late=driver.late,
    )
    def sweep(
        self,
        campaign: int,
        sweep: tuple[list[OutreachState], OutreachState, ExitReason],
        after: int | None,
        pages: int,
        late: int,
    ) -> None:
        states, state, reason = sweep
        asked = Sweep(states=states, state=state, reason=reason)
        ref, last = self.campaign(campaign), None
        if after is not None:
            last = self.message(after).message_id
        for _ in range(pages):
            page = self.do(self.world.runs.sweep(ref, asked, last, self.at(late)))
            last = page.last if page is not None else None

    def _command(self, campaign: int, late: int, kind: str, **changes: Any) -> None:
        command = CommandInput(ref=self.campaign(campaign), now=self.at(late), kind=kind, **changes)
        self.do(carry_out(self.world.runs, command))
