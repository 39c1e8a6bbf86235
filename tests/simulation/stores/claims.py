"""Claims, as `persistence/claims.py` and `decision_facts.py` keep and read them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NoReturn
from uuid import UUID

from madan_sara.activities.stores import (
    Claim,
    ClaimDecision,
    DecisionFacts,
    StoredDecision,
    StoredRequest,
)
from madan_sara.contracts.delivery import AttemptState
from madan_sara.contracts.errors import NotFoundError, UnreadableRowError
from madan_sara.contracts.outreach import (
    FINAL_STATES,
    UNSENT_STATES,
    Block,
    ClaimResult,
    ExitReason,
    HeldAttempt,
    MessageRef,
    OutreachState,
    ReopenResult,
)
from madan_sara.policy.frequency import RecentClaim
from tests.simulation.stores.statements import Statements
from tests.simulation.tables import ClaimRow, ConstraintError, MessageRow, Tables

_WEEK: Final = timedelta(days=7)
_HELD = (OutreachState.SCHEDULED, OutreachState.SENDING)
_SENT = (OutreachState.SENT, OutreachState.UNKNOWN)
_TAKEN = (AttemptState.ACCEPTED, AttemptState.UNKNOWN)


def request_of(tables: Tables, message: MessageRow) -> StoredRequest:
    """A message as the steps see it."""
    return StoredRequest(
        ref=message.ref,
        campaign=tables.campaign_of(message),
        rendered=message.rendered,
        force_send=message.force_send,
        state=message.state,
        scheduled_at=message.scheduled_at,
        generation=message.generation,
    )


def decided(tables: Tables, message: MessageRow) -> StoredDecision | None:
    """What money is held for, as it was stored; None: there is no hold."""
    held = [no for owner, no in tables.holds if owner == message.message_id]
    if message.state not in _HELD or not held or not message.routing or not message.plan:
        return None
    return StoredDecision(message.routing, HeldAttempt(attempt_no=max(held), plan=message.plan))


class MemoryClaims:
    """`ClaimStore` in memory.

    Args:
        tables: the rows.
        network: the way to them.
        granted: hears of each claim that is granted.
    """

    def __init__(
        self,
        tables: Tables,
        network: Statements,
        granted: Callable[[ClaimRow, datetime], None] = lambda claim, now: None,
    ) -> None:
        self._tables = tables
        self._network = network
        self._granted = granted

    async def claim(
        self, ref: MessageRef, now: datetime, decide: Callable[[DecisionFacts], ClaimDecision]
    ) -> Claim:
        try:
            return await self._claim_once(ref, now, decide)
        except ConstraintError:
            await self._network.call("shorten windows", lambda: self._shorten_windows(ref))
            return await self._claim_once(ref, now, decide)

    async def _claim_once(
        self, ref: MessageRef, now: datetime, decide: Callable[[DecisionFacts], ClaimDecision]
    ) -> Claim:
        while True:
            facts, versions, claimed = await self._network.call(
                "read the claim's facts", partial(self._read, ref, now)
            )
            if claimed is not None:
                return Claim(claimed, facts, self._decided(ref))
            decided = decide(facts)
            store = partial(self._store, facts.request, now, decided, versions)
            if await self._network.call("claim", store):
                return Claim(decided.result, facts)

    async def reopen(self, ref: MessageRef) -> ReopenResult:
        return await self._network.call("reopen", lambda: self._reopen(ref))

    async def recent_claims(self, tenant_id: UUID, recipient_id: str, since: datetime) -> NoReturn:
        raise NotImplementedError

    def _decided(self, ref: MessageRef) -> StoredDecision | None:
        """What an earlier run of the decision has held."""
        return decided(self._tables, self._tables.messages[ref.message_id])

    def _read(
        self, ref: MessageRef, now: datetime
    ) -> tuple[DecisionFacts, dict[str, int], ClaimResult | None]:
        tables = self._tables
        message = tables.messages.get(ref.message_id)
        if message is None:
            raise NotFoundError.message(ref.message_id)
        identifiers = tables.identifiers_of(message)
        facts = DecisionFacts(
            request=request_of(tables, message),
            recent=self._recent(message, identifiers, now),
            suppressions=tables.suppressions_of(message),
            engagement={
                channel: engagement
                for (recipient_id, channel), engagement in tables.engagement.items()
                if recipient_id == message.recipient_id
            },
        )
        versions = {known: tables.versions.get(known, 0) for known in identifiers}
        return facts, versions, self._claimed(message)

    def _recent(
        self, message: MessageRow, identifiers: frozenset[str], now: datetime
    ) -> list[RecentClaim]:
        settings = self._tables.campaign_of(message).settings
        window = max(
            _WEEK,
            timedelta(hours=settings.dedup_lookback_hours),
            timedelta(days=settings.near_duplicate_days),
        )
        return [
            RecentClaim(
                message_id=row.message_id,
                campaign_id=row.campaign_id,
                channel=row.channel,
                claimed_at=row.claimed_at,
                sent_at=row.sent_at,
                texts=row.texts,
                same_id=row.recipient_id == message.recipient_id,
            )
            for row in self._tables.claims.values()
            if row.message_id != message.message_id
            and not row.is_released
            and not row.identifiers.isdisjoint(identifiers)
            and (row.sent_at is None or row.sent_at > now - window)
        ]

    def _claimed(self, message: MessageRow) -> ClaimResult | None:
        """What an earlier run of the claim stored."""
        if message.state in UNSENT_STATES and message.reason is not None:
            block = Block(reason=message.reason, details=message.details)
            return ClaimResult(block=block, end=message.state, warnings=message.warnings)
        if message.state is OutreachState.QUEUED:
            reason = message.reason or ExitReason.DAILY_LIMIT
            block = Block(reason=reason, details=message.details)
            return ClaimResult(block=block, is_queued=True, warnings=message.warnings)
        claim = self._tables.claims.get(message.message_id)
        is_live = claim is not None and not claim.is_released
        if is_live or message.state is not OutreachState.DECIDING:
            return ClaimResult(warnings=message.warnings)
        return None

    def _store(
        self,
        request: StoredRequest,
        now: datetime,
        decided: ClaimDecision,
        versions: dict[str, int],
    ) -> bool:
        """Store a decision; False when the facts may have changed, or another run has decided."""
        tables, message = self._tables, self._tables.messages[request.ref.message_id]
        if decided.result.block is not None:
            return message.generation == request.generation and self._block(
                message, decided.result, now
            )
        if message.state is not OutreachState.DECIDING or message.message_id in tables.claims:
            return False
        if any(tables.versions.get(known, 0) != version for known, version in versions.items()):
            return False
        row = ClaimRow(
            message_id=message.message_id,
            campaign_id=message.campaign_id,
            recipient_id=message.recipient_id,
            identifiers=frozenset(versions),
            claimed_at=now,
            covers_until=None,
            sent_at=None,
            is_released=False,
            forced=message.force_send,
            channel=None,
            texts=tuple(decided.texts),
        )
        if self._collides(row):
            raise ConstraintError("one_live_claim_per_campaign")
        for known, version in versions.items():
            tables.versions[known] = version + 1
        tables.claims[message.message_id] = row
        message.warnings = decided.result.warnings
        self._granted(row, now)
        return True

    def _block(self, message: MessageRow, result: ClaimResult, now: datetime) -> bool:
        if message.state is not OutreachState.DECIDING or result.block is None:
            return False
        claim = self._tables.claims.get(message.message_id)
        if claim is not None:
            claim.is_released = True
        message.state = OutreachState.BLOCKED
        message.reason = result.block.reason
        message.details = result.block.details
        message.warnings = result.warnings
        message.finished_at = now
        return True

    def _shorten_windows(self, ref: MessageRef) -> None:
        """Have a window that was made shorter count for what was sent before, too."""
        message = self._tables.messages[ref.message_id]
        campaign, known = self._tables.campaign_of(message), self._tables.identifiers_of(message)
        window = timedelta(hours=campaign.settings.dedup_lookback_hours)
        for claim in self._tables.claims.values():
            concerns = claim.campaign_id == campaign.id and not claim.identifiers.isdisjoint(known)
            if concerns and not claim.is_released and claim.sent_at and claim.covers_until:
                claim.covers_until = min(claim.covers_until, claim.sent_at + window)

    def _reopen(self, ref: MessageRef) -> ReopenResult:
        tables, message = self._tables, self._tables.messages.get(ref.message_id)
        if message is None:
            raise NotFoundError.message(ref.message_id)
        attempts = [row for _, row in tables.attempts_of(ref.message_id)]
        block = None
        taken = any(row.attempt.state in _TAKEN for row in attempts)
        if message.state in _SENT and not taken:
            claim = tables.claims.get(ref.message_id)
            if claim is not None and self._collides(claim):
                block = Block(reason=ExitReason.DUPLICATE, details={"kind": "claimed_since"})
            else:
                message.state = OutreachState.DECIDING
                message.finished_at = None
                self._open_anew(claim)
        if block is None and message.state in FINAL_STATES:
            block = Block(reason=ExitReason.DUPLICATE, details={"kind": "not_bounced"})
        if message.routing is None:
            raise UnreadableRowError("a stored row", "it was never routed")
        return ReopenResult(
            block=block,
            state=message.state,
            routing=message.routing,
            tried_channels=sorted({row.channel for row in attempts}),
            last_attempt_no=max(
                (no for owner, no in tables.holds if owner == ref.message_id), default=0
            ),
        )

    def _open_anew(self, claim: ClaimRow | None) -> None:
        """Have a claim cover everything from its start on."""
        if claim is None:
            return
        claim.covers_until = claim.sent_at = None
        claim.is_released = False
        for known in claim.identifiers:
            self._tables.versions[known] = self._tables.versions.get(known, 0) + 1

    def _collides(self, claim: ClaimRow) -> bool:
        """Whether a claim without an end would cover what another of its campaign covers."""
        return not claim.forced and any(
            overlaps(claim, other) for other in self._tables.claims.values()
        )


def overlaps(open_ended: ClaimRow, other: ClaimRow) -> bool:
    """Whether another claim of the campaign covers a time that one without an end covers."""
    return (
        other.message_id != open_ended.message_id
        and other.campaign_id == open_ended.campaign_id
        and not other.forced
        and not other.is_released
        and not other.identifiers.isdisjoint(open_ended.identifiers)
        and (other.covers_until is None or other.covers_until > open_ended.claimed_at)
    )
