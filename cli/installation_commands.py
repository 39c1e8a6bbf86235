"""`madan-sara migrate` and `madan-sara healthcheck`: for operators of an installation."""

import asyncio
from dataclasses import asdict

from madan_sara.cli.actions import Reply
from madan_sara.starter import installation


def migrate() -> Reply:
    """Bring the database to the newest schema."""
    schema = asyncio.run(installation.migrate())
    document = {"before": schema.before, "now": schema.newest}
    if schema.is_newest:
        return Reply(document, f"The schema is {schema.newest} already; nothing was changed.")
    before = schema.before or "none"
    return Reply(document, f"The schema is {schema.newest} now; before it was {before}.")


def healthcheck() -> Reply:
    """Whether database and Temporal can be used."""
    checks = asyncio.run(installation.health())
    lines = [
        f"{each.part}: {'usable' if each.is_usable else 'not usable'}: {each.says}"
        for each in checks
    ]
    usable = all(each.is_usable for each in checks)
    document = {"usable": usable, "checks": [asdict(each) for each in checks]}
    return Reply(document, "\n".join(lines), stands=usable)
