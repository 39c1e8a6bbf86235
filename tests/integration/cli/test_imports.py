"""`madan-sara campaign import`: recipients from a file, and what is said about it."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from madan_sara.contracts.outreach import OutreachState
from tests.integration.cli.cli import REPOSITORY
from tests.waiting import eventually

EXAMPLES = REPOSITORY / "examples"


@pytest_asyncio.fixture
async def saved(madan_sara, campaign) -> str:
    """The id of a saved campaign with templates."""
    campaign |= {"templates": {"default": "Hi {{ name }}!"}, "recipient_fields": []}
    outcome = await madan_sara("campaign", "save", "-", stdin=campaign)
    assert outcome.code == 0, outcome.err
    return str(campaign["id"])


def written(folder: Path, *names: str) -> Path:
    path = folder / "people.csv"
    path.write_text("id,name,email\n" + "".join(f"{n},{n},{n}@example.com\n" for n in names))
    return path


async def test_an_import_is_summed_up_in_plain_words(madan_sara, saved, tmp_path, orchestrator):
    path = written(tmp_path, "ana", "bo", "cy", "ana")
    outcome = await madan_sara("campaign", "import", saved, str(path))
    assert (outcome.code, outcome.err) == (0, "")
    assert "4 rows read" in outcome.out
    assert "3 added, 1 known already, 0 rejected" in outcome.out
    assert "Columns: id <- id, name <- name, email <- email." in outcome.out
    assert "further up in the file: line 5." in outcome.out
    status = await orchestrator.get_orchestration_status(UUID(saved))
    assert status["by_state"] == {OutreachState.QUEUED: 3}


async def test_an_import_warns_of_those_it_can_never_reach(madan_sara, saved, tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("id,name,email,twitter_handle\nana,Ana,a@example.com,\nbo,Bo,,@bo\n")
    outcome = await madan_sara("campaign", "import", saved, str(path))
    assert outcome.code == 0
    assert (
        "Warning: 1 of the 2 added cannot be reached, as they have no address on any of the "
        "campaign's channels (email, sms, instagram, linkedin): line 3. They get nothing and end "
        "as failed, no_viable_channel."
    ) in " ".join(outcome.out.split())


async def test_an_import_is_one_json_document(madan_sara, saved, tmp_path):
    path = written(tmp_path, "ana", "bo")
    outcome = await madan_sara("campaign", "import", saved, str(path), "--json")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.document.pop("seconds", None) is not None
    document = {name: value for name, value in outcome.document.items() if name != "seconds"}
    assert document == {
        "campaign_id": saved,
        "file": str(path),
        "rows_read": 2,
        "added": 2,
        "known": 0,
        "known_lines": [],
        "unreachable": 0,
        "unreachable_lines": [],
        "channels": ["email", "sms", "instagram", "linkedin"],
        "rejected": 0,
        "columns": ["id <- id", "name <- name", "email <- email"],
        "warnings": [],
        "reopened": False,
        "rejects_file": None,
    }


async def test_rejected_rows_are_reported_with_their_file_and_by_the_exit_code(
    madan_sara, saved, tmp_path
):
    path = written(tmp_path, "ana", "two words")
    rejects = tmp_path / "wrong.csv"
    outcome = await madan_sara("campaign", "import", saved, str(path), "--rejects", str(rejects))
    assert (outcome.code, outcome.err) == (1, "")
    assert "1 added, 0 known already, 1 rejected" in outcome.out
    assert str(rejects) in outcome.out
    assert "email: is no e-mail address" in rejects.read_text()
    outcome = await madan_sara("campaign", "import", saved, str(path), "--json")
    assert outcome.code == 1
    assert outcome.document["rejects_file"] == str(tmp_path / "people.rejected.csv")


async def test_numbers_of_a_country_need_no_plus(madan_sara, saved, tmp_path):
    path = tmp_path / "people.jsonl"
    path.write_text(json.dumps({"id": 1, "name": "Ana", "phone": "3700 1234"}) + "\n")
    assert (await madan_sara("campaign", "import", saved, str(path))).code == 1
    outcome = await madan_sara("campaign", "import", saved, str(path), "--region", "ht")
    assert (outcome.code, "1 added" in outcome.out) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["SAVED", "nobody.csv"], 2, "error: nobody.csv: cannot be read (No such file"),
        (["SAVED", "README.md"], 2, "error: README.md: unknown kind of file"),
        (["SAVED", "examples/recipients.csv", "--region", "Haiti"], 2, "error: region: 'Haiti'"),
        (["17", "examples/recipients.csv"], 2, "error: CAMPAIGN_ID: '17' is no UUID"),
        ([str(uuid4()), "examples/recipients.csv"], 3, "error: there is no campaign"),
    ],
)
async def test_a_file_that_cannot_be_imported_is_refused_in_one_line(
    madan_sara, saved, arguments, code, said
):
    given = [saved if argument == "SAVED" else argument for argument in arguments]
    outcome = await madan_sara("campaign", "import", *given)
    assert (outcome.code, outcome.out) == (code, "")
    (line,) = outcome.err.splitlines()
    assert line.startswith(said)


async def test_the_example_is_sound_and_all_its_people_can_be_sent_to(madan_sara):
    campaign = json.loads((EXAMPLES / "campaign.json").read_text()) | {"id": str(uuid4())}
    assert (await madan_sara("campaign", "validate", "-", stdin=campaign)).code == 0
    assert (await madan_sara("campaign", "save", "-", stdin=campaign)).code == 0
    recipients = str(EXAMPLES / "recipients.csv")
    outcome = await madan_sara("campaign", "import", campaign["id"], recipients, "--json")
    assert (outcome.code, outcome.document["added"]) == (0, 40)


async def test_ctrl_c_ends_it_in_one_line_and_stored_rows_stay(
    settings, madan_sara, saved, tmp_path, orchestrator
):
    path = written(tmp_path, *(f"person-{number}" for number in range(20_000)))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "madan_sara.cli.command_line", "campaign", "import", saved, str(path)),
        cwd=REPOSITORY,
        env={**os.environ, **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )

    async def stored() -> int:
        status = await orchestrator.get_orchestration_status(UUID(saved))
        return int(status["by_state"].get(OutreachState.QUEUED, 0))

    await eventually(stored, "a recipient is stored")
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert (process.returncode, out) == (130, b"")
    assert err.decode() == (
        "error: interrupted; what is stored stays, and the same command goes on from there\n"
    )
    kept = await stored()
    assert 0 < kept < 20_000
    again = await madan_sara("campaign", "import", saved, str(path), "--json")
    assert again.document["known"] == kept
    assert again.document["added"] == 20_000 - kept
