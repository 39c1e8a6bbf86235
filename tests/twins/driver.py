"""What all rules have in common: how arguments are made, near the rows or beside them."""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from madan_sara.contracts.campaign_run import CampaignRef
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import RoutingDecision
from madan_sara.contracts.errors import MadanSaraError
from madan_sara.contracts.outreach import MessageRef
from madan_sara.policy.budget import AccountScope
from madan_sara.policy.ledger import AccountKey
from tests.twins.twin import REFUSED
from tests.twins.world import CHANNELS, World

R = TypeVar("R")

#: With tight limits; with hardly any; one that is ended again and again.
CAMPAIGNS: Final = (UUID(int=1), UUID(int=2), UUID(int=3))
ACCOUNTS: Final = ("first", "second")
MOST_MESSAGES: Final = 25
_STRANGER: Final = UUID(int=999)

#: The newest message is 0: mostly one of the last few is meant, so that much befalls each. The
#: last number is that of a message, or a campaign, that is not there.
messages: Final = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4, MOST_MESSAGES])
campaigns: Final = st.sampled_from([0, 0, 0, 0, 1, 1, len(CAMPAIGNS)])
#: Which attempt is meant, as its message stands.
attempts: Final = st.sampled_from(["newest", "newest", "newest", "before", "next", "first"])
#: Minutes by which a clock, or a question, is behind.
late: Final = st.sampled_from([0, 0, 0, 1, 25])
#: Openings a run knows of, beside those there are.
unknown_openings: Final = st.sampled_from([0, 0, 0, -1, 1])
channels: Final = st.integers(0, len(CHANNELS) - 1)
called_accounts: Final = st.sampled_from([None, *ACCOUNTS])
codes: Final = st.sampled_from([None, "5.1.1", "mailbox_full"])
amounts: Final = st.sampled_from([None, None, "0.05", "0.0085", "0"])
counts: Final = st.sampled_from([None, None, 5, 2, 0])
hours: Final = st.sampled_from([None, None, 100, 24, 1])


class Driver(RuleBasedStateMachine):
    """Makes calls on the twin stores of one world.

    Args:
        runner: the loop of the database's connections.
        world: the stores.
    """

    def __init__(self, runner: asyncio.Runner, world: World) -> None:
        super().__init__()
        self.runner = runner
        self.world = world

    def do(self, call: Awaitable[R]) -> R | None:
        """Make a call; None where both refuse it."""

        async def made() -> R:
            return await call

        with suppress(MadanSaraError, *REFUSED):
            return self.runner.run(made())
        return None

    def at(self, late: int = 0) -> datetime:
        """The present, or some minutes before."""
        return self.world.now() - timedelta(minutes=late)

    def message(self, number: int) -> MessageRef:
        """A message, or one that is not there."""
        known = list(reversed(self.world.tables.messages))
        return self.world.ref(known[number % len(known)] if number < MOST_MESSAGES else _STRANGER)

    def campaign(self, number: int) -> CampaignRef:
        """A campaign, or one that is not there."""
        return self.world.campaign_ref((*CAMPAIGNS, _STRANGER)[number])

    def attempt(self, ref: MessageRef, which: str) -> int:
        """The number of an attempt, by the holds of its message."""
        held = [no for owner, no in self.world.tables.holds if owner == ref.message_id]
        newest = max(held, default=1)
        before = max(newest - 1, 1)
        return {"newest": newest, "before": before, "next": newest + 1, "first": 1}[which]

    def openings(self, ref: MessageRef, attempt_no: int, unknown: int) -> int:
        """The openings a run knows of."""
        row = self.world.tables.attempts.get((ref.message_id, attempt_no))
        return max((row.attempt.openings if row else 0) + unknown, 0)

    def channel(self, ref: MessageRef, number: int) -> Channel:
        """A channel that a message's campaign has, or had: it has an account."""
        message = self.world.tables.messages.get(ref.message_id)
        campaign_id = CAMPAIGNS[1] if message is None else message.campaign_id
        accounts = self.world.tables.accounts
        known: Sequence[Channel] = [
            channel
            for channel in CHANNELS
            if AccountKey(campaign_id, AccountScope.CHANNEL, channel.value) in accounts
        ]
        return known[number % len(known)]

    def account(self, name: str) -> str:
        """An account at a provider: all tenants share them, each world has its own."""
        return f"{self.world.tenant_id} {name}"


def routing(channel: Channel) -> RoutingDecision:
    """A decision for a channel."""
    return RoutingDecision(channel=channel, assessments=[], policy_version="test")
