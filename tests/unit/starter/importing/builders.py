"""Campaigns to import into, and rows checked for them."""

import json
import uuid
from collections.abc import Sequence
from typing import Any

from madan_sara.contracts.campaign import Campaign
from madan_sara.starter.importing.checking import Assignment, CheckedRows, RowCheck
from tests.makers import make_campaign

TEMPLATES = {"default": "Bonjou {{ name }}, see you in {{ town }}!"}


def importing_campaign(**changes: Any) -> Campaign:
    """A campaign whose recipients need a name and a town."""
    ordinary = {"templates": TEMPLATES, "recipient_fields": ["town"]}
    return make_campaign(uuid.uuid4(), **{**ordinary, **changes}).resolved()


def assignment(
    header: Sequence[str] | None = None, *, region: str | None = None, **changes: Any
) -> Assignment:
    """The rules for rows."""
    campaign = importing_campaign(**changes)
    assert campaign.templates is not None
    return Assignment(campaign, campaign.templates, header, region)


def check(*rows: object, **options: Any) -> CheckedRows:
    """JSON rows, checked."""
    return RowCheck(assignment(**options)).check([json.dumps(row) for row in rows])


def person(**changes: Any) -> dict[str, Any]:
    """A flat row with nothing wrong in it."""
    return {"id": "marie", "name": "Marie", "email": "m@example.com", "town": "Jacmel", **changes}
