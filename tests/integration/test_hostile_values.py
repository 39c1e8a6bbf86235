"""Every public operation, given what no caller should give: the answer is an error of ours.

The arguments are found by looking; each of the objects below is given wherever one is taken.
"""

import inspect
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.content import EmailContent, MessageContent
from madan_sara.contracts.decision import ChannelAssessment
from madan_sara.contracts.delivery import DeliveryEvent
from madan_sara.contracts.errors import (
    InvalidRequestError,
    MadanSaraError,
    StorageError,
)
from madan_sara.contracts.found import MessageFilter
from madan_sara.contracts.recipient import RecipientProfile
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.contracts.violations import quoted
from madan_sara.policy.selector import Engagement
from madan_sara.starter.orchestrator import OutreachOrchestrator
from tests.makers import make_profile
from tests.operations import (
    ANYTHING,
    OPERATIONS,
    Target,
    answer_of,
    asleep,
    operation_of,
)


def _unchecked(kind: Any, **fields: Any) -> Any:
    """An object of ours that was made past its checks."""
    return kind.model_construct(**fields)


def _filter(**fields: Any) -> MessageFilter:
    return MessageFilter(**fields)


def _counted(value: Any) -> Engagement:
    return Engagement(value, value, value, value)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    file = tmp_path / "people.csv"
    file.write_text("id,name,email\nana,Ana,ana@example.com\n")
    return file


@pytest.fixture
async def own(orchestrator, tenant_id, people) -> Target:
    """A message of the caller's that is asleep, in a campaign that waits for its start."""
    return await asleep(orchestrator, tenant_id, people)


def _nested(levels: int) -> dict[str, object]:
    deep: dict[str, object] = {}
    for _ in range(levels):
        deep = {"quiet_hours": deep}
    return deep


#: What a caller may give by mistake, or for the sake of it.
_HOSTILE: Final = (
    *("", " ", "\0", "\ud800", "a\0b", "x" * 100_000, "nan", "9" * 5_000, b"\xff"),
    *(-1, 0, 2**31, 2**63, 10**5_000, True, 0.5, float("nan"), float("inf"), -0.0),
    *(Decimal("sNaN"), Decimal("NaN"), Decimal("-Infinity"), Decimal("1e999999")),
    *(datetime(1, 1, 1), datetime(9999, 12, 31, 23), datetime.min.replace(tzinfo=UTC)),  # noqa: DTZ001 - as callers do
    *(datetime.max.replace(tzinfo=UTC), datetime.max.replace(tzinfo=timezone(-timedelta(hours=9)))),
    *(date.min, date.max, timedelta.max, UUID(int=0), Path("\0"), Path("\ud800.csv")),
    *([], {}, (), [None], [[]], {"": None}, {"id": None}, {1: 2}, {"default": "{% if"}),
    *({"default": f"{{{{ {word} }}}}"} for word in ("x" * 100_000, f"a | {'y' * 100_000}")),
    *(_nested(3_000), [_nested(3_000)], {"settings": _nested(3_000)}, lambda: 1, object, Channel),
)


def _past_the_checks(target: Target) -> list[tuple[str, dict[str, object]]]:
    """Objects of ours that hold what their checks would have refused, by what takes them."""
    settings = OrchestratorSettings()
    campaigns = [
        target.campaign.model_copy(update=changes)
        for changes in (
            {"id": None},
            {"tenant_uuid": "nonsense"},
            {"status": "\0"},
            {"channels": 5},
            {"channels": ["fax"]},
            {"timezone": "Mars"},
            {"start_date": None},
            {"end_date": 5},
            {"templates": _unchecked(MessageContent, root={"default": None})},
            {"settings": 5},
            {"settings": _nested(3_000)},
            {"settings": settings.model_copy(update={"quiet_hours": 5})},
            {"settings": settings.model_copy(update={"quiet_hours": _nested(3_000)})},
            {"settings": settings.model_copy(update={"prices": {"email": "much"}})},
            {"settings": _unchecked(OrchestratorSettings, prices=None)},
        )
    ]
    campaigns.append(_unchecked(OutreachCampaign, tenant_uuid=target.campaign.tenant_uuid))
    complete = target.campaign.resolved()
    campaigns += [
        complete.model_copy(update={"settings": None}),  # type: ignore[list-item]
        complete.model_copy(update={"channels": 5}),  # type: ignore[list-item]
    ]
    person = RecipientProfile.model_validate(make_profile())
    people = [
        person.model_copy(update={"contact_info": None}),
        person.model_copy(update={"name": "\0"}),
        person.model_copy(update={"attributes": _nested(3_000)}),
        person.model_copy(
            update={"contact_info": person.contact_info.model_copy(update={"email": "\ud800"})}
        ),
        _unchecked(RecipientProfile),
    ]
    contents = [
        _unchecked(MessageContent, root=5),
        _unchecked(MessageContent, root={"default": "\0"}),
        _unchecked(MessageContent, root={"email": _unchecked(EmailContent, subject=5)}),
    ]
    refused: tuple[Any, ...] = ("\0", "\ud800", [])
    events = [
        target.event.model_copy(update={field: value})
        for field in DeliveryEvent.model_fields
        for value in (5.5 if field == "code" else None, *refused)
    ]
    events.append(_unchecked(DeliveryEvent))
    filters = [
        _filter(**{field: value})
        for field in ("state", "reason", "channel", "recipient_id")
        for value in (5, *refused)
    ]
    counts = [_counted(value) for value in (None, "x", Decimal("sNaN"), 10**400, -1)]
    assessment = _unchecked(ChannelAssessment, channel="fax", total="x", ruled_out=None)
    given: dict[str, Sequence[object]] = {
        "campaign": campaigns,
        "recipient_profile": people,
        "profile": people,
        "recipients": [[(each, "email")] for each in people],
        "content": contents,
        "content_templates": contents,
        "event": events,
        "chosen": filters,
        "engagement": [*counts, *({"email": each} for each in counts)],
        "assessments": [
            [assessment],
            [_unchecked(ChannelAssessment, channel=Channel.SMS, total=[])],
        ],
    }
    return [(name, {name: value}) for name, values in given.items() for value in values]


async def test_no_value_ends_an_operation_in_a_foreign_error(orchestrator, own):
    foreign = []
    for name in OPERATIONS:
        parameters = inspect.signature(operation_of(orchestrator, name, own)).parameters
        changes: list[dict[str, object]] = [
            {p: value} for p in parameters if p not in ANYTHING for value in _HOSTILE
        ]
        changes += [given for p, given in _past_the_checks(own) if p in parameters]
        for changed in changes:
            try:
                outcome = await answer_of(orchestrator, name, own, **changed)
            except Exception as error:  # noqa: BLE001 - any is a finding
                outcome = error
            is_ours = isinstance(outcome, MadanSaraError) and not isinstance(outcome, StorageError)
            if isinstance(outcome, Exception) and not (is_ours and len(str(outcome)) < 3_000):
                (parameter, value), *_ = changed.items()
                foreign.append(f"{name}({parameter}={quoted(value)}): {outcome!r:.200}")
    assert "\n".join(foreign) == ""


@pytest.mark.parametrize(
    "settings",
    [
        5,
        object(),
        _nested(3_000),
        OrchestratorSettings().model_copy(update={"quiet_hours": 5}),
        OrchestratorSettings().model_copy(update={"prices": _nested(3_000)}),
        _unchecked(OrchestratorSettings, prices={"fax": 1}),
    ],
    ids=lambda settings: type(settings).__name__,
)
def test_settings_that_are_none_are_refused(client, database, settings):
    with pytest.raises(InvalidRequestError, match="settings"):
        OutreachOrchestrator(client, database, settings=settings)
