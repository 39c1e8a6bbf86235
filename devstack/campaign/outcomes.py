"""The outcomes of the campaign: shown, and compared with the expected ones."""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal

from rich.table import Table

from madan_sara.contracts.campaign import CampaignStatus, OutreachCampaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.money import from_micros
from madan_sara.contracts.outreach import ExitReason, OutreachState
from madan_sara.devstack.campaign.audience import Person
from madan_sara.devstack.campaign.scenarios import NO_MONEY, End, Scenario
from madan_sara.devstack.checks.records import Message, Records
from madan_sara.devstack.checks.results import CheckResult
from madan_sara.policy.budget import AccountScope
from madan_sara.policy.ledger import AccountKey
from madan_sara.policy.message_price import least_price


def outcome_table(records: Records, campaign: OutreachCampaign) -> Table:
    """The outcomes by reason and channel."""
    channels = [*(channel.value for channel in campaign.channels), ""]
    found: Counter[tuple[str, str]] = Counter()
    for message in _messages(records, campaign):
        found[_outcome(message), message.channel] += 1
    table = Table(title="Outcomes", title_justify="left", title_style="bold")
    table.add_column("outcome")
    for channel in channels:
        table.add_column(channel or "no channel", justify="right")
    table.add_column("together", justify="right")
    totals = Counter(outcome for outcome, _ in found.elements())
    for outcome, total in totals.most_common():
        cells = [str(found[outcome, channel] or "") for channel in channels]
        table.add_row(outcome, *cells, str(total))
    table.add_section()
    sums = [sum(found[outcome, channel] for outcome in totals) for channel in channels]
    table.add_row("together", *map(str, sums), str(totals.total()))
    return table


def check_scenarios(
    records: Records, campaign: OutreachCampaign, people: Sequence[Person]
) -> CheckResult:
    """Each person's outcome must be that of their scenario, or the lack of money."""
    ends = {message.recipient_id: _end(message) for message in _messages(records, campaign)}
    violations = [
        f"{person.id} ({person.scenario.name}) ended {_named(ends.get(person.id))}"
        for person in people
        if ends.get(person.id) not in {*person.scenario.ends, NO_MONEY}
    ]
    violations += [f"no person met this: {scenario.name}" for scenario in _not_met(people, ends)]
    met = len({person.scenario.name for person in people})
    return CheckResult(
        f"every message ended as its scenario demands, in {met} different ways", violations
    )


def check_money_ran_out(
    records: Records, campaign: OutreachCampaign, status: CampaignStatus
) -> CheckResult:
    """The budget must have ended the campaign, with nothing left for text messages before."""
    exhausted, sms = CampaignStatus.BUDGET_EXHAUSTED, Channel.SMS
    without = sum(m.reason == ExitReason.BUDGET_EXCEEDED for m in _messages(records, campaign))
    violations = [] if status is exhausted else [f"the campaign ended {status.value}"]
    if not without:
        violations.append("no message ended for lack of money")
    left = _left(records, campaign, sms)
    if left >= from_micros(least_price(campaign.resolved(), sms)):
        violations.append(f"{left:f} of the budget of {sms} is left")
    promise = f"the campaign ended {exhausted}, its money for {sms} used up: {without} got nothing"
    return CheckResult(promise, violations)


def _left(records: Records, campaign: OutreachCampaign, channel: Channel) -> Decimal:
    """The rest of a channel's budget."""
    account = records.accounts[AccountKey(campaign.id, AccountScope.CHANNEL, channel)]
    return from_micros((account.limit_micros or 0) - account.held_micros - account.spent_micros)


def _not_met(people: Iterable[Person], ends: dict[str, End]) -> Iterable[Scenario]:
    """Scenarios whose people all ended for lack of money, so that none of them was played."""
    scenarios = {person.scenario.name: person.scenario for person in people}
    met = {person.scenario.name for person in people if ends.get(person.id) in person.scenario.ends}
    return (scenario for name, scenario in scenarios.items() if name not in met)


def _messages(records: Records, campaign: OutreachCampaign) -> Iterable[Message]:
    return (m for m in records.messages.values() if m.campaign_id == campaign.id)


def _end(message: Message) -> End:
    reason = ExitReason(message.reason) if message.reason else None
    return End(OutreachState(message.state), reason)


def _outcome(message: Message) -> str:
    return f"{message.state}: {message.reason}" if message.reason else message.state


def _named(end: End | None) -> str:
    if end is None:
        return "nowhere"
    return f"{end.state} ({end.reason})" if end.reason else end.state.value
