"""A text message that is paid several times says so when it is sent."""

from dataclasses import replace
from uuid import UUID

import pytest

from madan_sara.cli.views import decision_view
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.outreach import (
    Block,
    ExitReason,
    HeldAttempt,
    MessageRef,
    OutreachState,
)
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.policy.message_price import message_parts
from madan_sara.policy.send_time import plan_send_time
from madan_sara.starter.answers import answer_from_record, send_result
from madan_sara.workflows.record import OutreachRecord
from tests.unit.cli.test_status_words import status_of
from tests.unit.cli.test_views import shown
from tests.unit.policy.builders import NOW, campaign, profile

LONG = "a" * 161
WARNING = "sms: the text takes 2 segments and costs 0.015, 0.0075 each"


def planned(text, channel=Channel.SMS):
    its, parts = campaign(), message_parts(channel, text)
    return plan_send_time(its, OrchestratorSettings(), profile(), channel, now=NOW, parts=parts)


def running(text, channel=Channel.SMS):
    record = OutreachRecord(MessageRef(tenant_id=UUID(int=1), message_id=UUID(int=2)))
    record.book(HeldAttempt(attempt_no=1, plan=planned(text, channel)))
    return record


def stored(text, state=OutreachState.SCHEDULED):
    return replace(status_of(state).record, plan=planned(text))


@pytest.mark.parametrize(
    "answer", [running(LONG).answer(), answer_from_record(stored(LONG))], ids=["running", "stored"]
)
def test_it_is_in_the_answer_with_segments_and_price(answer):
    assert answer.warnings == [WARNING]
    view = " ".join(" ".join(shown(decision_view(send_result(answer)))).split())
    assert f"warning {WARNING}" in view


def test_a_message_that_is_paid_once_or_not_at_all_has_no_such_warning():
    assert running("a" * 160).answer().warnings == []
    assert running(LONG, Channel.EMAIL).answer().warnings == []
    blocked = running(LONG)
    blocked.end(OutreachState.BLOCKED, Block(reason=ExitReason.SUPPRESSED))
    assert blocked.answer().warnings == []
    ended = replace(stored(LONG, OutreachState.BLOCKED), reason=ExitReason.SUPPRESSED)
    assert answer_from_record(ended).warnings == []
