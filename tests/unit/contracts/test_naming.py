from pathlib import Path
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.naming import (
    OUTREACH_QUEUE,
    SEARCH_ATTRIBUTES,
    campaign_workflow_id,
    delivery_queue,
    idempotency_key,
    import_key,
    outreach_workflow_id,
)

_MESSAGE = UUID("660f8400-e29b-41d4-a716-446655440000")
_TENANT = UUID("00000000-0000-4000-8000-000000000001")


def test_names_stay_those_that_running_workflows_know():
    assert outreach_workflow_id(_TENANT, _MESSAGE) == f"outreach-{_TENANT}-{_MESSAGE}"
    assert campaign_workflow_id(_TENANT, _MESSAGE) == f"campaign-{_TENANT}-{_MESSAGE}"
    assert import_key(_MESSAGE, "marie") == "campaign-660f8400-e29b-41d4-a716-446655440000:marie"
    assert idempotency_key(_MESSAGE, 2) == "660f8400-e29b-41d4-a716-446655440000:2"
    assert OUTREACH_QUEUE == "outreach"
    assert delivery_queue(Channel.SMS) == "delivery-sms"
    assert SEARCH_ATTRIBUTES == (
        "MadanSaraTenant",
        "MadanSaraCampaign",
        "MadanSaraState",
        "MadanSaraReason",
    )


def test_every_search_attribute_is_registered_and_written_down():
    for page in ("docker-compose.yml", "docs/operations.md"):
        text = (Path(__file__).parents[3] / page).read_text()
        assert [name for name in SEARCH_ATTRIBUTES if name not in text] == []


def test_every_channel_has_a_queue_of_its_own():
    queues = {delivery_queue(channel) for channel in Channel}
    assert len(queues | {OUTREACH_QUEUE}) == len(Channel) + 1


attempts = st.tuples(st.uuids(), st.integers(1, 1_000))


@given(attempts, attempts)
def test_a_key_stands_for_one_attempt(one, other):
    assert (idempotency_key(*one) == idempotency_key(*other)) == (one == other)


people = st.tuples(st.uuids(), st.text(min_size=1))


@given(people, people)
def test_a_key_stands_for_one_recipient_of_one_campaign(one, other):
    assert (import_key(*one) == import_key(*other)) == (one == other)
