"""The reply of `campaign save`: the campaign, and the texts of queued recipients."""

import pytest

from madan_sara.cli.actions import Reply, saved_reply, with_closed, with_texts
from madan_sara.contracts.campaign import FINAL_STATUSES, CampaignStatus, OutreachCampaign
from madan_sara.contracts.limit_changes import LimitChange
from madan_sara.starter.queued_texts import TextsRenewed

SAVED = Reply({"campaign_id": "c"}, "Campaign c is saved; it is active.")


def test_a_save_that_changes_no_text_says_nothing_of_it():
    assert with_texts(SAVED, TextsRenewed(), []).view == SAVED.view


def test_the_sends_that_an_earlier_end_closes_are_reported():
    assert with_closed(SAVED, 0).view == SAVED.view
    reply = with_closed(SAVED, 1_200)
    assert reply.document["closed_behind_end"] == 1_200
    assert str(reply.view).endswith(
        "\n1,200 sends were planned behind the new end, and closed as blocked, expired."
    )
    assert "\n1 send was planned" in str(with_closed(SAVED, 1).view)


def test_recipients_with_the_new_text_are_counted():
    reply = with_texts(SAVED, TextsRenewed(renewed=2), [])
    assert str(reply.view).endswith("\n2 queued recipients get the new text.")
    assert reply.document["texts_renewed"] == 2
    one = with_texts(SAVED, TextsRenewed(renewed=1), [])
    assert str(one.view).endswith("\n1 queued recipient gets the new text.")


def test_recipients_with_the_old_text_are_reported_with_the_reason():
    reply = with_texts(
        SAVED, TextsRenewed(kept=1_200, violations=["content.sms: names 'x'"]), ["it"]
    )
    assert "1,200 queued recipients keep the old text, because" in str(reply.view)
    assert "content.sms: names 'x'. Change it and save again" in str(reply.view)
    assert str(reply.view).endswith("\nMind it.")
    assert reply.document["texts_kept_because"] == ["content.sms: names 'x'"]
    assert reply.document["warnings"] == ["it"]


def stored(status: CampaignStatus) -> OutreachCampaign:
    return OutreachCampaign(name="Spring fair", channels=["email"], status=status)


@pytest.mark.parametrize("status", sorted(FINAL_STATUSES))
def test_the_stored_status_is_reported_where_it_stands_against_the_files(status):
    reply = saved_reply(stored(status), {}, given=CampaignStatus.ACTIVE)
    assert str(reply.view).endswith(f'"Spring fair" is saved; it stays {status}, which is final.')
    assert reply.document["campaign_status"] is status


def test_changed_limits_are_named():
    changes = {"daily_limit": LimitChange(10, 500)}
    reply = saved_reply(stored(CampaignStatus.ACTIVE), changes, given=CampaignStatus.ACTIVE)
    assert str(reply.view).endswith("; it is active.\nChanged limits: daily_limit 10 -> 500.")
    assert reply.document["limits_changed"] == {"daily_limit": {"before": 10, "after": 500}}
