"""What `campaign save` says of the texts of those who wait, and of what texts cost."""

from starter.cli.orders import Reply, with_texts
from starter.queued_texts import TextsRenewed

SAVED = Reply({"campaign_id": "c"}, "Campaign c is saved; it is active.")


def test_a_save_that_changes_no_text_says_nothing_of_it():
    assert with_texts(SAVED, TextsRenewed(), []).view == SAVED.view


def test_who_gets_the_new_text_is_counted():
    told = with_texts(SAVED, TextsRenewed(renewed=2), [])
    assert str(told.view).endswith("\n2 queued recipients get the new text.")
    assert told.document["texts_renewed"] == 2
    one = with_texts(SAVED, TextsRenewed(renewed=1), [])
    assert str(one.view).endswith("\n1 queued recipient gets the new text.")


def test_who_keeps_the_old_text_is_told_with_the_reason():
    told = with_texts(SAVED, TextsRenewed(kept=1_200, faults=["content.sms: names 'x'"]), ["it"])
    assert "1,200 queued recipients keep the old text, because" in str(told.view)
    assert "content.sms: names 'x'. Change it and save again" in str(told.view)
    assert str(told.view).endswith("\nMind it.")
    assert told.document["texts_kept_because"] == ["content.sms: names 'x'"]
    assert told.document["warnings"] == ["it"]
