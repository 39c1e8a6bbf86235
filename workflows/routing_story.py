"""The choice of a channel and of a send time in the Web UI."""

from datetime import UTC
from zoneinfo import ZoneInfo

from madan_sara.contracts.decision import ChannelAssessment, RoutingDecision, SendPlan
from madan_sara.contracts.words.choices import ROUTING, TIMING, why_ruled_out

#: Header of the scores, one row per channel below.
_COLUMNS = "channel     total   type  engagement  device  urgency  time of day"


def render_routing(decision: RoutingDecision, plan: SendPlan | None) -> str:
    """A decision in Markdown: the choice and its reason, every channel, the send time.

    Args:
        decision: the decision to explain.
        plan: the time and channel of the send, if planned already.

    Returns:
        Some lines of Markdown, without personal data.
    """
    # Preformatted: the Web UI sets the columns of a Markdown table without any space between.
    rows = [_row(assessment) for assessment in decision.assessments]
    lines = [_headline(decision, plan), "", "```", _COLUMNS, *rows, "```", ""]
    order = decision.channel_order()
    left = order[order.index(plan.channel) + 1 :] if plan else decision.fallback_channels
    if left:
        lines.append(f"Fallbacks, in this order: {', '.join(left)}.")
    elif order:
        lines.append("There is no fallback.")
    if plan is not None:
        lines.append(_timing(plan))
    lines.append(f"Policy {decision.policy_version}.")
    return "\n".join(lines)


def _headline(decision: RoutingDecision, plan: SendPlan | None) -> str:
    """The channel in use, and why it is that one."""
    if decision.channel is None or decision.reason is None:
        return "**No channel can carry this message.**"
    why = ROUTING[decision.reason]
    if plan is None or plan.channel is decision.channel:
        return f"**On {decision.channel}**: {why}."
    return f"**On {plan.channel}**, a fallback. {decision.channel} was chosen first: {why}."


def _row(assessment: ChannelAssessment) -> str:
    if assessment.ruled_out is not None:
        why = why_ruled_out(assessment.ruled_out, assessment.detail)
        return f"{assessment.channel:<10} {' '.join(why.split())}"
    factors, total = assessment.factors, assessment.total
    if factors is None or total is None:
        return f"{assessment.channel:<10} not scored"
    used = "" if assessment.safe else "  used recently"
    return (
        f"{assessment.channel:<10} {total:>6.3f} {factors.customer_type:>6.2f} "
        f"{factors.engagement:>11.2f} {factors.device:>7.2f} {factors.urgency:>8.2f} "
        f"{factors.time_of_day:>12.2f}{used}"
    )


def _timing(plan: SendPlan) -> str:
    if plan.scheduled_at is None:
        sentence = "There is no send time"
    else:
        local = plan.scheduled_at.astimezone(ZoneInfo(plan.zone))
        instant = plan.scheduled_at.astimezone(UTC)
        sentence = (
            f"Send time: {local:%Y-%m-%d %H:%M} in {plan.zone} "
            f"({instant:%Y-%m-%d %H:%M} UTC), {TIMING[plan.reason]}"
        )
    return f"{'; '.join([sentence, *plan.adjustments])}."
