"""The needs of an installation before it can send: schema, both servers, search attributes."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy.engine import make_url
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.service import RPCError

from madan_sara.config.temporal import connect
from madan_sara.contracts.errors import MadanSaraError
from madan_sara.contracts.naming import SEARCH_ATTRIBUTES
from madan_sara.persistence.database import database_address
from madan_sara.persistence.migrate import SchemaRevision, schema_revision, upgrade_database
from madan_sara.starter.connecting import database_settings
from madan_sara.starter.environment import database_of

#: Longest time for one check. A probe of a container is repeated after some seconds.
_CHECK_SECONDS: Final = 5

Part = Literal["database", "temporal"]


@dataclass(frozen=True)
class HealthCheck:
    """Whether one part of an installation can be used.

    Attributes:
        part: which.
        is_usable: whether it can.
        says: the finding, and what to do where it cannot.
    """

    part: Part
    is_usable: bool
    says: str


async def migrate() -> SchemaRevision:
    """Bring the database the environment names to the newest schema; safe to run twice at once.

    Returns:
        The revision it had before, and the one it has now.

    Raises:
        UnreachableError: its address is not set, or no usable database answers there.
        UnusableSettingsError: its address is none.
    """
    return await upgrade_database(await _dsn())


async def health() -> list[HealthCheck]:
    """Whether the database and Temporal the environment names can be used.

    Each check ends within five seconds and changes nothing.
    """
    return list(
        await asyncio.gather(
            _checked("database", _database_state()), _checked("temporal", _temporal_state())
        )
    )


async def _checked(part: Part, looking: Awaitable[HealthCheck]) -> HealthCheck:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            return await looking
    except TimeoutError:
        return HealthCheck(part, is_usable=False, says=f"no answer within {_CHECK_SECONDS} s")
    except MadanSaraError as error:
        return HealthCheck(part, is_usable=False, says=str(error))


async def _database_state() -> HealthCheck:
    dsn = await _dsn()
    address = database_address(make_url(dsn))
    schema = await schema_revision(dsn)
    if not schema.is_newest:
        found = f"schema {schema.before}" if schema.before else "no schema of ours"
        says = f"{address} has {found}, and {schema.newest} is needed; run `madan-sara migrate`"
        return HealthCheck("database", is_usable=False, says=says)
    return HealthCheck("database", is_usable=True, says=f"{address}, schema {schema.newest}")


async def _temporal_state() -> HealthCheck:
    try:
        client = await connect()
        request = ListSearchAttributesRequest(namespace=client.namespace)
        known = await client.operator_service.list_search_attributes(request)
    except RuntimeError as error:
        return HealthCheck("temporal", is_usable=False, says=" ".join(str(error).split()))
    except RPCError as error:
        says = f"{error.message}; see TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE"
        return HealthCheck("temporal", is_usable=False, says=says)
    missing = [name for name in SEARCH_ATTRIBUTES if name not in known.custom_attributes]
    address = f"{client.service_client.config.target_host}, namespace {client.namespace}"
    if missing:
        says = f"{address} lacks the keyword search attributes {', '.join(missing)}; create them"
        return HealthCheck("temporal", is_usable=False, says=says)
    return HealthCheck("temporal", is_usable=True, says=address)


async def _dsn() -> str:
    settings = database_settings()
    await database_of(settings).close()  # Refuses an address that is none.
    return settings.database_url.get_secret_value()
