"""`madan-sara` takes and shows every text at its longest, in the widest characters."""

import csv
import uuid

from tests.integration.test_wide_texts import WIDEST, longest


async def test_every_command_takes_any_name_of_a_campaign_and_a_person(
    madan_sara, campaign, request_file, tmp_path
):
    long = longest(WIDEST[0])
    person = f"{uuid.uuid4().hex}{long}"[:199] + "z"
    named = {"name": long, "campaign_type": long}
    campaign |= named | {"templates": {"default": "Bonjou {{ name }}"}, "daily_limit": 10}
    # It sleeps.
    campaign["start_date"] = "2092-01-05T15:00:00Z"
    request_file["campaign"] |= named
    request_file["recipient_id"] = person
    request_file["recipient_profile"]["name"] = long

    sent = await madan_sara("send", "-", "--json", stdin=request_file)
    assert (sent.code, sent.err) == (0, "")
    message_id = sent.document["message_id"]

    people = tmp_path / "people.csv"
    with people.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [
                ["id", "name", "email"],
                [f"b{person[1:]}", long, "m@example.com"],
                [person, long, "?"],
            ]
        )
    imported = await madan_sara("campaign", "import", campaign["id"], str(people))
    assert (imported.code, imported.err) == (1, "")
    assert "1 added, 0 known already, 1 rejected" in imported.out

    for command in (
        ("status", message_id),
        ("explain", message_id),
        ("person", person),
        ("messages", campaign["id"]),
        ("campaign", "list"),
        ("campaign", "start", campaign["id"]),
        ("campaign", "status", campaign["id"]),
        ("campaign", "cancel", campaign["id"], "--reason", long),
        ("suppress", "--recipient", person, "--reason", long),
    ):
        outcome = await madan_sara(*command)
        assert (outcome.code, outcome.err) == (0, ""), (command, outcome.err[-500:])
        assert "Traceback" not in outcome.out
