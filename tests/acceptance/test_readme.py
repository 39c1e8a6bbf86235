"""What the README and the pages show runs as it stands there."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from uuid import UUID

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.outreach import OutreachState
from madan_sara.starter.orchestrator import OutreachOrchestrator

ROOT = Path(__file__).parents[2]


async def test_the_program_runs_and_runs_again(client, database, workers, dsn, temporal, tmp_path):
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    file = tmp_path / "program.py"
    file.write_text(program)
    settings = {"MADAN_SARA_DATABASE_URL": dsn, "TEMPORAL_ADDRESS": temporal.address}

    async def run() -> str:
        ran = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, str(file)],
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        return ran.stdout

    message_id, words = (await run()).split(" ", 1)
    assert words.startswith("sleeps until ")
    assert (await run()).startswith("blocked duplicate {'kind': 'near_duplicate', ")

    orchestrator = OutreachOrchestrator(client, database)
    status = await orchestrator.get_status(UUID(message_id))
    assert status.plan is not None
    assert (status.state, status.plan.channel) == (OutreachState.SCHEDULED, Channel.WHATSAPP)
    await orchestrator.cancel(UUID(message_id))


def test_every_link_leads_somewhere():
    root = ROOT
    pages = [root / "README.md", root / "CONTRIBUTING.md", *root.glob("docs/**/*.md")]
    broken = [
        f"{page.relative_to(root)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())
        if not target.startswith(("http:", "https:", "mailto:"))
        and not (page.parent / target).exists()
    ]
    assert broken == []
