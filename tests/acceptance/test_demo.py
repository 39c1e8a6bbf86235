"""`make demo` does what it says, and says so when it does not."""

import json

from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.devstack.demo.examples import load_examples
from madan_sara.devstack.demo.words import Kind
from tests.acceptance.devstack_command import devstack, open_to_others
from tests.privacy import people_found


def test_every_way_an_outreach_can_end_is_played_and_checked(state_dir, users_server):
    demo = devstack(state_dir, "demo", settings=users_server.settings)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    examples = load_examples()
    outcomes = len(examples.imported) + len(examples.messages)
    for line in (
        "Temporal Web UI: http://127.0.0.1:",
        f"Running 4 campaigns, {len(examples.imported)} imported recipients ...",
        f"ok    all {outcomes} outcomes are the expected ones",
        "ok    the 4 campaigns that ran have ended as expected: completed, budget_exhausted, exp",
        "mails in the mail sink are the ones we sent, each once",
        "and their log agrees with our attempts",
        "ok    the ledger balances:",
        "no account was ever beyond a limit",
        "ok    no hold and no claim is left",
        "How Fresh bread stands",
        "make up",
        *(f"\n{kind} (" for kind in Kind),
    ):
        assert line in demo.stdout
    assert not users_server.was_called()
    assert open_to_others(state_dir) == []
    assert people_found(state_dir / "demo" / "temporal") == []
    assert people_found(state_dir / "demo" / "worker.log") == []


def test_an_outcome_that_is_not_the_expected_one_fails_the_demo(state_dir):
    folder = state_dir / "examples"
    for name in ("campaigns", "recipients"):
        (folder / name).mkdir(parents=True)
    bread = {
        "name": "Bread",
        "channels": ["email", "whatsapp"],
        "templates": {"default": "Bonjou {{ name }}!"},
        "send_time_optimization": False,
        "settings": {"quiet_hours": None},
    }
    files = {
        "campaigns/bread.json": bread,
        "campaign_ends.json": {"bread": CampaignStatus.CANCELLED},
        "messages.json": [],
        "suppressions.json": [],
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    (folder / "recipients" / "bread.csv").write_text(
        "id,name,email,expect_state,expect_channel\nmarie,Marie,marie@example.com,sent,whatsapp\n"
    )

    demo = devstack(state_dir, "demo", "--examples", str(folder))

    assert demo.returncode == 1, demo.stdout + demo.stderr
    assert "NOT AS EXPECTED: channel is email, not whatsapp" in demo.stdout
    assert "marie, Bread: channel is email, not whatsapp" in demo.stdout
    assert "bread ended completed, not cancelled" in demo.stdout
