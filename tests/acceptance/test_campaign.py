"""`make campaign` does what it says, with fewer people."""

import json
import os
import signal

import pytest

from tests.acceptance.devstack_command import devstack, open_to_others, printed, started
from tests.privacy import people_found

#: One recipient's provider never answers: a minute of patience, beside the outages and the work.
pytestmark = pytest.mark.timeout(300)

#: Enough people for each scenario.
_RECIPIENTS = 120


def test_a_campaign_to_many_is_run_through_outages_and_checked(state_dir, users_server):
    """One run shows both: the scenarios, and that no outage moves a recipient."""
    arguments = ("--recipients", str(_RECIPIENTS), "--seed", "3", "--outage", "2")
    run = devstack(state_dir, "campaign", *arguments, settings=users_server.settings)
    assert run.returncode == 0, run.stdout + run.stderr
    for line in (
        f"Market day: {_RECIPIENTS} recipients imported",
        "blocked: budget_exceeded",
        "blocked: frequency_cap",
        "failed: all_channels_failed",
        "events in 1 run(s)",
        "recipients of 3 campaigns have one outcome each",
        "ok    every message ended as its scenario demands, in 19 different ways",
        "and their log agrees with our attempts",
        "no account was ever beyond a limit",
        "got a message twice",
        f"of {_RECIPIENTS}  the mail server is away for 2 s",
        f"of {_RECIPIENTS}  the mail server is back",
        f"of {_RECIPIENTS}  the sandbox provider is away for 2 s",
        f"of {_RECIPIENTS}  the sandbox provider is back",
        "ok    each provider was away for 2 s in the middle",
        "ok    no outage moved any of",
        "ok    no outage used up tries of a message",
    ):
        assert line in run.stdout
    assert "wrong" not in run.stdout
    assert not users_server.was_called()
    assert open_to_others(state_dir) == []
    assert people_found(state_dir / "campaign" / "temporal") == []
    assert people_found(state_dir / "campaign" / "worker.log") == []


def test_a_number_that_shows_nothing_is_refused(state_dir):
    run = devstack(state_dir, "campaign", "--recipients", "3")
    assert run.returncode == 1
    assert "error: 3 recipients: choose between 100 and 100000" in run.stderr


async def test_a_server_that_has_ended_ends_the_run(state_dir):
    async with started(state_dir, "campaign", "--recipients", "100") as run:
        await printed(run, "Market day: 100 recipients imported")
        temporal = state_dir / "campaign" / "temporal"
        os.kill(json.loads((temporal / "temporal.pid").read_text())["pid"], signal.SIGKILL)
        _, complaint = await run.communicate()
    log = temporal / "temporal.log"
    assert f"error: Temporal has ended; see the end of {log}\n" in complaint.decode()
    assert run.returncode == 1
