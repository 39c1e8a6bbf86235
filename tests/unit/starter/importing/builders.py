"""Campaigns to import into, and rows judged for them."""

import json
import uuid
from collections.abc import Sequence
from typing import Any

from madan_sara.contracts.campaign import Campaign
from madan_sara.starter.importing.checking import Assignment, RowCheck, Verdicts
from tests.makers import make_campaign

TEMPLATES = {"default": "Bonjou {{ name }}, see you in {{ town }}!"}


def importing_campaign(**changes: Any) -> Campaign:
    """A campaign whose recipients need a name and a town."""
    ordinary = {"templates": TEMPLATES, "recipient_fields": ["town"]}
    return make_campaign(uuid.uuid4(), **{**ordinary, **changes}).resolved()


def assignment(
    header: Sequence[str] | None = None, *, region: str | None = None, **changes: Any
) -> Assignment:
    """What rows are judged for."""
    campaign = importing_campaign(**changes)
    assert campaign.templates is not None
    return Assignment(campaign, campaign.templates, header, region)


def judge(*rows: object, **options: Any) -> Verdicts:
    """JSON rows, judged."""
    return RowCheck(assignment(**options)).judge([json.dumps(row) for row in rows])


def person(**changes: Any) -> dict[str, Any]:
    """A flat row with nothing wrong in it."""
    return {"id": "marie", "name": "Marie", "email": "m@example.com", "town": "Jacmel", **changes}
