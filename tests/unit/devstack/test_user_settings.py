"""The settings `make up` takes from its user's environment."""

from pathlib import Path

import pytest
from rich.console import Console

from madan_sara.devstack.errors import DevstackError
from madan_sara.devstack.play import begin_play
from madan_sara.devstack.up import users_stack
from madan_sara.devstack.user_settings import own_mail_server, own_worker_settings

SERVER = {
    "MADAN_SARA_SMTP_HOST": "mail.example.org",
    "MADAN_SARA_SMTP_USERNAME": "bakery",
    "MADAN_SARA_SMTP_PASSWORD": "secret",
}


def users(folder: Path, environment: dict[str, str]):
    return users_stack(folder, environment, Console(quiet=True))


def test_a_mail_server_is_taken_whole():
    assert own_mail_server({**SERVER, "HOME": "/root"}) == SERVER


@pytest.mark.parametrize("host", [{}, {"MADAN_SARA_SMTP_HOST": ""}])
def test_a_login_without_a_server_is_none(host):
    assert own_mail_server({"MADAN_SARA_SMTP_USERNAME": "bakery", **host}) == {}


def test_the_worker_gets_the_other_settings_but_not_where_things_are():
    environment = {
        **SERVER,
        "MADAN_SARA_SMTP_SENDER": "Bakery <bakery@example.org>",
        "MADAN_SARA_RATE_LIMITS": "{}",
        "MADAN_SARA_DATABASE_URL": "theirs",
        "MADAN_SARA_SANDBOX_URL": "theirs",
        "TEMPORAL_ADDRESS": "theirs",
    }
    assert own_worker_settings(environment).keys() == {
        "MADAN_SARA_SMTP_SENDER",
        "MADAN_SARA_RATE_LIMITS",
    }


def test_no_real_mail_goes_to_made_up_people(tmp_path):
    assert users(tmp_path, SERVER).mail_server == SERVER
    begin_play(tmp_path)
    assert users(tmp_path, SERVER).mail_server == {}


def test_a_folder_with_foreign_things_is_not_emptied(tmp_path):
    (tmp_path / "thesis.odt").touch()
    with pytest.raises(DevstackError, match="would be emptied"):
        begin_play(tmp_path)
    assert (tmp_path / "thesis.odt").exists()


def test_a_play_begins_with_nothing_of_the_last(tmp_path):
    begin_play(tmp_path)
    (tmp_path / "sandbox.jsonl").touch()
    begin_play(tmp_path)
    assert not (tmp_path / "sandbox.jsonl").exists()
