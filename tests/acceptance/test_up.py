"""`make up` does what it says: with the user's own mail server, and until something ends."""

import os
import shlex
import signal
import sys
from pathlib import Path

import psutil
from sqlalchemy.engine import make_url

from madan_sara.contracts.campaign import DEFAULT_TENANT
from madan_sara.devstack.leftovers import wait_gone
from madan_sara.emulators.mail_sink import MailSink
from madan_sara.starter.orchestrator import OutreachOrchestrator
from tests.acceptance.devstack_command import modes_above, open_to_others, printed, started
from tests.makers import make_campaign

_LAST_LINE = "Ctrl-C stops everything"


def exported(env_file: Path) -> dict[str, str]:
    """The settings in a file of `export` lines."""
    pairs = (shlex.split(line)[1].partition("=") for line in env_file.read_text().splitlines())
    return {name: value for name, _, value in pairs if name != "PATH"}


async def test_it_sends_by_the_users_own_server_and_reports_a_server_that_ended(
    state_dir, monkeypatch
):
    theirs = MailSink()
    await theirs.start()
    settings = {
        "MADAN_SARA_SMTP_HOST": "127.0.0.1",
        "MADAN_SARA_SMTP_PORT": str(theirs.port),
        "MADAN_SARA_SMTP_SECURITY": "none",
        "MADAN_SARA_SMTP_SENDER": "Bakery <bakery@example.org>",
    }
    above = modes_above(state_dir, Path(sys.executable))
    async with started(state_dir, "up", settings=settings) as process:
        panel = await printed(process, _LAST_LINE)
        assert f"for real through 127.0.0.1:{theirs.port}, from Bakery <bakery@" in panel
        found = exported(state_dir / "env")
        password = make_url(found["MADAN_SARA_DATABASE_URL"]).password
        assert password is not None
        assert password not in panel
        # A later stack, started from a shell with these settings, has a mail sink of its own.
        assert not any(name.startswith("MADAN_SARA_SMTP_") for name in found)
        running = psutil.Process(process.pid).children(recursive=True)
        assert not any(password in " ".join(child.cmdline()) for child in running)

        (worker,) = (child for child in running if child.cmdline()[-1] == "madan_sara.worker")
        worker.kill()
        said = await printed(process, "The worker has ended")
        assert str(state_dir / "worker.log") in said

        for name, value in found.items():
            monkeypatch.setenv(name, value)
        campaign = make_campaign(DEFAULT_TENANT, channels=["email"])
        async with await OutreachOrchestrator.connect() as orchestrator:
            marie = {"contact_info": {"email": "marie@example.com"}}
            await orchestrator.send_outreach(campaign, "marie", marie, {"email": "Bonjou!"})
            await theirs.wait_for(bool)
        (mail,) = theirs.messages
        assert mail.envelope_from == "bakery@example.org"
        assert list((state_dir / "mail").iterdir()) == []
        assert open_to_others(state_dir) == []
        assert modes_above(state_dir, Path(sys.executable)) == above

        running = psutil.Process(process.pid).children(recursive=True)
        server_pid = (state_dir / "postgres" / "cluster" / "postmaster.pid").read_text().split()[0]
        os.kill(int(server_pid), signal.SIGKILL)
        _, complaint = await process.communicate()
    await theirs.stop()

    log = state_dir / "postgres" / "postgres.log"
    assert complaint.decode().endswith(f"error: PostgreSQL has ended; see the end of {log}\n")
    assert process.returncode == 1
    assert await wait_gone(running)
