"""Whether every recipient has an outcome, and the stored counts agree."""

from collections import Counter
from uuid import UUID

from madan_sara.contracts.outreach import FINAL_STATES, UNSENT_STATES
from madan_sara.devstack.checks.records import Records
from madan_sara.devstack.checks.results import CheckResult
from madan_sara.policy.ledger import open_holds


def check_outcomes_counted(records: Records, recipients: dict[UUID, int]) -> CheckResult:
    """Every recipient put into a campaign must have one outcome.

    Args:
        records: The stored facts.
        recipients: How many were put into each campaign.
    """
    outcomes = Counter(m.campaign_id for m in records.messages.values() if m.state in FINAL_STATES)
    violations = [
        f"{records.campaigns[campaign_id]}: {outcomes[campaign_id]} outcomes of {number} recipients"
        for campaign_id, number in recipients.items()
        if outcomes[campaign_id] != number
    ]
    total = sum(recipients.values())
    return CheckResult(
        f"the {total} recipients of {len(recipients)} campaigns have one outcome each", violations
    )


def check_tallies(records: Records) -> CheckResult:
    """The counts kept as things happened must be the counts of the messages themselves."""
    counted = Counter(
        (m.campaign_id, m.state, m.reason, m.channel) for m in records.messages.values()
    )
    kept = {(c.campaign_id, c.state, c.reason, c.channel): c.messages for c in records.counts}
    violations = []
    for key in sorted(counted.keys() | kept.keys()):
        campaign_id, *what = key
        if counted[key] != kept.get(key, 0):
            name = " ".join(filter(None, what))
            violations.append(
                f"{records.campaigns[campaign_id]}, {name}: {kept.get(key, 0)} by the tallies, "
                f"{counted[key]} by counting"
            )
    return CheckResult(
        f"the {len(kept)} tallies equal the {len(records.messages)} messages counted", violations
    )


def check_nothing_left(records: Records) -> CheckResult:
    """No ended message may hold money, and no unsent one a right to contact a person."""
    holding = {message_id for message_id, _ in open_holds(records.entries)}
    violations, unsent = [], 0
    for message in records.messages.values():
        unsent += message.state in UNSENT_STATES
        who = f"{message.recipient_id} is {message.state} and still has a"
        if message.state in FINAL_STATES and message.message_id in holding:
            violations.append(f"{who} hold")
        if message.state in UNSENT_STATES and message.has_claim:
            violations.append(f"{who} claim")
    return CheckResult(
        f"no hold and no claim is left of the {unsent} that ended unsent", violations
    )
