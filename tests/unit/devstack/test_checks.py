"""Every check passes sound records, and finds those that were tampered with."""

from dataclasses import replace
from email.message import EmailMessage

import pytest

from madan_sara.delivery.email_letter import message_id_header
from madan_sara.delivery.smtp_settings import SmtpSettings
from madan_sara.devstack.checks.counts import (
    check_nothing_left,
    check_outcomes_counted,
    check_tallies,
)
from madan_sara.devstack.checks.everything import check_everything
from madan_sara.devstack.checks.history import CampaignHistory, check_history
from madan_sara.devstack.checks.money import check_accounts, check_limits, check_prices
from madan_sara.devstack.checks.people import check_people
from madan_sara.devstack.checks.providers import (
    check_bounces,
    check_mails,
    check_sandbox,
    taken_by_sandbox,
)
from madan_sara.emulators.mail_sink import StoredMail
from tests.unit.devstack.records import (
    BLOCKED,
    CAMPAIGN,
    SENT,
    WHOLE,
    attempt,
    bounce,
    campaign,
    entry,
    log,
    message,
    records,
    request,
    with_message,
)


def test_balances_in_order_pass_every_check():
    results = check_everything(records(), [campaign()], log(), [], [])
    assert [violation for result in results for violation in result.violations] == []
    assert check_outcomes_counted(records(), {CAMPAIGN: 2}).violations == []


def test_a_recipient_who_never_came_out_of_the_campaign():
    under_way = with_message(message(BLOCKED, "jean", "sending"))
    assert check_outcomes_counted(under_way, {CAMPAIGN: 2}).violations == [
        "Fair: 1 outcomes of 2 recipients"
    ]


def test_a_tally_that_drifted_from_the_messages():
    drifted = replace(records(), counts=[replace(count, messages=2) for count in records().counts])
    assert "Fair, sent sms: 2 by the tallies, 1 by counting" in check_tallies(drifted).violations


def test_a_message_the_tallies_know_nothing_of():
    assert check_tallies(replace(records(), counts=[])).violations == [
        "Fair, failed all_channels_failed sms: 0 by the tallies, 1 by counting",
        "Fair, sent sms: 0 by the tallies, 1 by counting",
    ]


def test_money_on_an_account_that_no_entry_booked():
    accounts = records().accounts
    whole = replace(accounts[WHOLE], spent_micros=5_001)
    richer = replace(records(), accounts={**accounts, WHOLE: whole})
    assert check_accounts(richer).violations == ["Fair, campaign: spent 5001, its entries say 5000"]


def test_an_entry_without_an_account():
    homeless = [*records().entries, entry(SENT, "hold", 9, day="2026-11-23")]
    violations = check_accounts(replace(records(), entries=homeless)).violations
    assert "Fair, day 2026-11-23: entries without an account" in violations


def test_spend_that_is_not_the_price_of_the_messages_sent():
    unpaid = replace(records(), attempts=[attempt(SENT, "accepted"), attempt(BLOCKED, "unknown")])
    assert check_prices(unpaid, [campaign()]).violations == [
        "Fair, campaign: spent 5000, the prices sum to 10000"
    ]


def test_an_account_that_was_beyond_its_limits_for_a_moment():
    held, released, *others = records().entries
    late = replace(released, committed_at=others[-1].committed_at, commit=9)
    violations = check_limits(replace(records(), entries=[held, *others, late])).violations
    assert any("5000 held and 5000 spent of 7000" in violation for violation in violations)
    assert any("2 messages of 1" in violation for violation in violations)


def test_what_one_commit_moves_is_checked_together():
    held, released, again, settled = records().entries
    moved = [replace(each, committed_at=held.committed_at, commit=5) for each in (again, released)]
    assert check_limits(replace(records(), entries=[held, *moved, settled])).violations == []


def test_a_settled_hold_that_was_never_held():
    assert (
        "below nothing"
        in check_limits(replace(records(), entries=[entry(SENT, "settle", 1)])).violations[0]
    )


def test_a_dropped_constraint():
    violations = check_limits(replace(records(), constraints=frozenset())).violations
    assert "the constraint spend_within_limit is not in force" in violations


def test_a_server_that_notes_no_commits():
    entries = [replace(each, committed_at=None) for each in records().entries]
    violations = check_limits(replace(records(), entries=entries)).violations
    assert "the server notes no commits; start it with track_commit_timestamp=on" in violations


def test_a_hold_of_a_message_that_has_ended():
    held, _, *others = records().entries
    assert check_nothing_left(replace(records(), entries=[held, *others])).violations == [
        "jean is failed and still has a hold"
    ]


def test_a_claim_of_a_message_that_was_not_sent():
    claiming = replace(records().messages[BLOCKED], has_claim=True)
    assert check_nothing_left(with_message(claiming)).violations == [
        "jean is failed and still has a claim"
    ]


@pytest.mark.parametrize(
    ("tampered", "violation"),
    [
        (log()[:1], f"{SENT}:1: accepted, and taken 0 times"),
        ([*log(), request(3, SENT, taken=True)], f"{SENT}:1: accepted, and taken 2 times"),
        ([*log(), request(3, BLOCKED, taken=True)], f"{BLOCKED}:1: refused, and taken 1 times"),
        (
            [*log(), request(3, SENT, taken=True, attempt_no=2)],
            f"{SENT}:2: taken, and we do not know",
        ),
        (
            [*log(), request(3, SENT, taken=False)],
            f"{SENT}:1: 1 tries in 1 calls by our count, 2 calls by theirs",
        ),
        (
            [log()[0], log()[1].model_copy(update={"to": "+50937009999"})],
            f"{SENT}:1: went to +50937009999 instead of +50937001234",
        ),
        (
            [log()[0], log()[1].model_copy(update={"provider_message_id": "sandbox-2"})],
            f"{SENT}:1: known to the sandbox as sandbox-2, to us as sandbox-1",
        ),
        (
            [*log(), request(3, SENT, taken=True).model_copy(update={"idempotency_key": None})],
            "+50937001234 got something that is none of ours",
        ),
    ],
)
def test_a_provider_that_tells_another_story(tampered, violation):
    assert violation in check_sandbox(records(), tampered).violations


def test_a_call_that_is_no_try_is_explained_by_an_opening_alone():
    again = [*log(), request(3, BLOCKED, taken=False)]
    violation = f"{BLOCKED}:1: 1 tries in 1 calls by our count, 2 calls by theirs"
    assert check_sandbox(records(), again).violations == [violation]
    twice = replace(attempt(BLOCKED, "refused"), openings=2)
    counted = replace(records(), attempts=[attempt(SENT, "accepted"), twice])
    assert check_sandbox(counted, again).violations == []


def test_an_opening_need_not_have_become_a_call():
    crashed = replace(attempt(BLOCKED, "refused"), openings=9)
    counted = replace(records(), attempts=[attempt(SENT, "accepted"), crashed])
    assert check_sandbox(counted, log()).violations == []


def test_nothing_explains_a_try_that_was_no_call():
    refused = replace(attempt(BLOCKED, "refused"), tries=2, openings=2)
    counted = replace(records(), attempts=[attempt(SENT, "accepted"), refused])
    violation = f"{BLOCKED}:1: 2 tries in 2 calls by our count, 1 calls by theirs"
    assert check_sandbox(counted, log()).violations == [violation]


def test_a_lost_answer_may_have_been_taken_or_not():
    lost = replace(records(), attempts=[attempt(SENT, "unknown"), attempt(BLOCKED, "refused")])
    assert check_sandbox(lost, log()).violations == []
    assert check_sandbox(lost, [log()[0], request(2, SENT, taken=False)]).violations == []


def test_a_bounce_that_one_side_has_not_heard_of():
    bounced = replace(records(), attempts=[attempt(SENT, "bounced")])
    assert check_bounces(records(), [bounce()]).violations == [
        f"{SENT}:1: bounced, and we do not know"
    ]
    assert check_bounces(bounced, []).violations == [f"{SENT}:1: bounced by our count alone"]
    assert check_bounces(bounced, [bounce()]).violations == []


def test_a_mail_that_was_not_sent_and_one_that_did_not_arrive():
    by_mail = replace(
        attempt(SENT, "accepted"), provider="smtp", channel="email", address="marie@example.com"
    )
    sent = replace(records(), attempts=[by_mail])
    smtp = SmtpSettings(host="localhost", port=25, sender="outreach@example.com")
    arrived = _mail(message_id_header(by_mail.key, smtp))
    stray = _mail("<stray@example.com>")
    assert check_mails(sent, [arrived]).violations == []
    assert check_mails(sent, [stray]).violations == [
        f"{SENT}:1: accepted, and taken 0 times",
        "marie@example.com got something that is none of ours",
    ]


def test_a_person_who_got_two_messages_of_one_campaign():
    twice = with_message(replace(records().messages[BLOCKED], recipient_id="marie"))
    taken = taken_by_sandbox([*log(), request(3, BLOCKED, taken=True)])
    violations = check_people(twice, taken, {CAMPAIGN: 1}).violations
    assert "marie got 2 messages of Fair" in violations
    assert any("got 2 messages in the 24 hours before" in violation for violation in violations)


def test_what_bounced_before_it_was_carried_on_was_not_got():
    bounced = replace(records(), attempts=[attempt(SENT, "bounced"), *records().attempts[1:]])
    assert check_people(bounced, taken_by_sandbox(log()), {CAMPAIGN: 0}).violations == []


def test_a_history_that_grew_with_the_audience():
    assert check_history(CampaignHistory(runs=2, events=1_999)).violations == []
    assert check_history(CampaignHistory(runs=2, events=2_000)).violations == ["it has 2000"]


def _mail(message_id: str) -> StoredMail:
    letter = EmailMessage()
    letter["Message-ID"] = message_id
    letter["Date"] = "Sun, 22 Nov 2026 12:00:00 +0000"
    return StoredMail("outreach@example.com", ("marie@example.com",), letter)
