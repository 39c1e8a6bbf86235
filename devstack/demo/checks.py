"""Whether the demo came out as its files say."""

from collections.abc import Mapping, Sequence

from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.devstack.checks.results import CheckResult
from madan_sara.devstack.demo.outcomes import Outcome


def check_outcomes(outcomes: Sequence[Outcome]) -> CheckResult:
    """Every outcome must be the expected one."""
    violations = [
        f"{outcome.example.id}, {outcome.record.campaign_name}: {difference}"
        for outcome in outcomes
        for difference in outcome.differences()
    ]
    return CheckResult(f"all {len(outcomes)} outcomes are the expected ones", violations)


def check_ends(
    ends: Mapping[str, CampaignStatus], expected: Mapping[str, CampaignStatus]
) -> CheckResult:
    """Every campaign that ran must have ended as expected."""
    violations = [
        f"{name} ended {ends[name].value}, not {wanted.value}"
        for name, wanted in expected.items()
        if ends[name] is not wanted
    ]
    ways = ", ".join(dict.fromkeys(end.value for end in expected.values()))
    return CheckResult(
        f"the {len(expected)} campaigns that ran have ended as expected: {ways}", violations
    )
