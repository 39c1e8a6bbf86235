"""`make demo` does what it says, and says so when it does not."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.demo.examples import load_examples
from devstack.demo.words import Kind

_REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def state_dir() -> Iterator[Path]:
    # Not pytest's own: a PostgreSQL started by root runs as somebody else.
    with tempfile.TemporaryDirectory(prefix="madan-sara-demo-") as folder:
        yield Path(folder)


def _demo(state_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "devstack", "demo", *arguments],
        cwd=_REPOSITORY,
        env={**os.environ, "MADAN_SARA_DEVSTACK_DIR": str(state_dir)},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def test_every_way_an_outreach_can_end_is_played_and_checked(state_dir):
    demo = _demo(state_dir)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    messages = load_examples().messages
    for line in (
        "Temporal Web UI: http://127.0.0.1:",
        f"ok    all {len(messages)} outcomes are the expected ones",
        "mails expected are in the mail sink, each once",
        "and their log agrees with our attempts",
        "ok    the ledger balances:",
        "ok    no hold and no claim is left",
        "make up",
        *(f"\n{kind} (" for kind in Kind),
    ):
        assert line in demo.stdout


def test_an_outcome_that_is_not_the_expected_one_fails_the_demo(state_dir):
    recipients = state_dir / "recipients.json"
    marie = {
        "campaign": "fresh-bread",
        "id": "marie",
        "name": "Marie",
        "contact_info": {"email": "marie@example.com"},
        "expect": {"state": "sent", "channel": "whatsapp"},
    }
    recipients.write_text(json.dumps([marie]))
    demo = _demo(state_dir, "--recipients", str(recipients))
    assert demo.returncode == 1, demo.stdout + demo.stderr
    assert "NOT AS EXPECTED: channel is email, not whatsapp" in demo.stdout
    assert "marie, Fresh bread: channel is email, not whatsapp" in demo.stdout
    assert "marie@example.com should have got 0 mails and got 1" in demo.stdout
