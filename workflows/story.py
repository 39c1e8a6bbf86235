"""An outreach's story in the Web UI, and the words for its ends."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from madan_sara.contracts.decision import RoutingDecision, RuledOut, SendPlan
from madan_sara.contracts.delivery import AttemptSummary
from madan_sara.contracts.instants import in_utc
from madan_sara.contracts.outreach import Block, Details, ExitReason, OutreachState
from madan_sara.contracts.words.ends import why_unsent
from madan_sara.contracts.words.progress import attempt_meaning
from madan_sara.workflows.routing_story import render_routing

#: When no channel is viable, the first of these found among the reasons names the end.
_ENDS = (
    (RuledOut.RECENTLY_MESSAGED, OutreachState.BLOCKED, ExitReason.DUPLICATE),
    (RuledOut.SUPPRESSED, OutreachState.BLOCKED, ExitReason.SUPPRESSED),
    (RuledOut.NO_SEND_TIME, OutreachState.BLOCKED, ExitReason.EXPIRED),
)


def no_channel(routing: RoutingDecision) -> tuple[OutreachState, Block]:
    """The end of a message that no channel can carry."""
    ruled_out = {a.channel: a.ruled_out for a in routing.assessments if a.ruled_out}
    details: Details = {channel.value: why.value for channel, why in ruled_out.items()}
    used = [a.last_used_at for a in routing.assessments if a.last_used_at is not None]
    for why, state, reason in _ENDS:
        if why in ruled_out.values():
            if why is RuledOut.RECENTLY_MESSAGED and used:
                details["last_message_at"] = in_utc(max(used))
            return state, Block(reason=reason, details=details)
    return OutreachState.FAILED, Block(reason=ExitReason.NO_VIABLE_CHANNEL, details=details)


def local_time(plan: SendPlan) -> str:
    """A plan's moment as its recipient's clock shows it."""
    if plan.scheduled_at is None:
        return "never"
    return f"{plan.scheduled_at.astimezone(ZoneInfo(plan.zone)):%a %d %b %H:%M} {plan.zone}"


def render_outreach(
    state: OutreachState,
    block: Block | None,
    routing: RoutingDecision | None,
    plan: SendPlan | None,
    attempts: Sequence[AttemptSummary],
) -> str:
    """The story so far, as markdown without personal data."""
    parts = [f"**{state.value}**" + (f": {block.reason.value}" if block else "")]
    if block:
        parts.append(" ".join(why_unsent(block.reason, block.details)))
    if routing:
        parts.append(render_routing(routing, plan))
    if attempts:
        parts.append("\n".join(_attempt_line(attempt) for attempt in attempts))
    return "\n\n".join(parts)


def _attempt_line(attempt: AttemptSummary) -> str:
    code = f" ({attempt.code})" if attempt.code else ""
    meaning = attempt_meaning(attempt.outcome, attempt.code)
    return f"- attempt {attempt.attempt_no}, {attempt.channel}: {attempt.outcome}: {meaning}{code}"
