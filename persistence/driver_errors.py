"""The border where errors of PostgreSQL's drivers become errors of ours.

Their errors quote what was stored or sent: `Key (recipient_id)=(marie) already exists`,
`invalid input for query argument $2: '+50937001234'`. Errors end up in histories and logs,
which hold no personal data. So the values are taken out first. A constraint's error keeps its
type: the statements behind this border are written for it, and nothing else sees it.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import asyncpg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError

from madan_sara.contracts.errors import (
    MadanSaraError,
    MisconfiguredError,
    StorageError,
    UnreachableError,
)

#: Classes of SQLSTATE whose messages are about connections, resources and transactions, and
#: never quote a row: https://www.postgresql.org/docs/current/errcodes-appendix.html
_ABOUT_NO_ROW: Final = frozenset({"08", "25", "28", "3D", "40", "53", "55", "57"})

#: asyncpg's words about an argument, up to the argument itself.
_ARGUMENT: Final = re.compile(r".*?query argument \$\d+")

_DRIVERS: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    SQLAlchemyError,
    UnicodeError,
)
#: asyncpg's words for a lost connection; it says the first of an argument, too.
_LOST: Final = (asyncpg.InterfaceError, asyncpg.InternalClientError)
_QUOTING: Final = ("detail", "hint", "context", "internal_query", "query")


#: Classes of SQLSTATE that mean there is no (usable) server: connection, authorisation, no
#: such database, no connection left, shutting down.
_NO_SERVER: Final = frozenset({"08", "28", "3D", "53", "57"})
_CONSTRAINT: Final = "23"
_UNDEFINED_TABLE: Final = "42P01"


@contextmanager
def database_border(address: str) -> Iterator[None]:
    """Let errors of ours out, and the constraints' own without the values they quote.

    Args:
        address: where the database is, without user and password.

    Raises:
        MisconfiguredError: the database has no tables of ours.
        StorageError: it refused a statement for another reason than a constraint.
        UnreachableError: it is not there, or does not let us in.
    """
    handled = sys.exception()
    try:
        yield
    except _DRIVERS as error:
        strip_values(error, handled)
        if _sqlstate(error).startswith(_CONSTRAINT):
            raise
        raise _translated(error, address) from error
    except OSError as error:
        raise _unreachable(error, address) from error


async def connected(**arguments: Any) -> asyncpg.Connection:  # noqa: ANN401 - asyncpg's
    """A new connection of asyncpg's.

    Args:
        **arguments: asyncpg's own.

    Raises:
        MisconfiguredError: they are none, or name a file that is not there.
    """
    try:
        return await asyncpg.connect(**arguments)
    except asyncpg.ClientConfigurationError as error:
        said = " ".join(str(error).split())
    except (TypeError, ValueError) as error:
        # It may quote the password.
        said = f"{type(error).__name__} while connecting"
    raise MisconfiguredError(f"MADAN_SARA_DATABASE_URL: cannot be used ({said}); correct it")


def _translated(error: Exception, address: str) -> MadanSaraError:
    cause = getattr(error, "orig", None) or error
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if _sqlstate(error) == _UNDEFINED_TABLE:
        return MisconfiguredError(
            f"the database at {address} has no tables of ours; set MADAN_SARA_DATABASE_URL to "
            "another one, or migrate it"
        )
    lost = lost or (isinstance(cause, _LOST) and not isinstance(cause, asyncpg.DataError))
    if lost or _sqlstate(error)[:2] in _NO_SERVER:
        return _unreachable(cause, address)
    return StorageError(f"the database at {address} refused a statement: {cause}")


def _unreachable(error: BaseException, address: str) -> UnreachableError:
    return UnreachableError(
        f"PostgreSQL cannot be reached at {address} ({error}); set MADAN_SARA_DATABASE_URL, or see "
        "that it runs"
    )


def _sqlstate(error: BaseException) -> str:
    found = (getattr(each, "sqlstate", None) for each in _chain(error))
    return next((str(state) for state in found if state), "")


def strip_values(error: BaseException, handled: BaseException | None = None) -> None:
    """Take the values out of an error and of what caused it; their types stay.

    Args:
        error: a driver's.
        handled: what its caller was handling when it called, which stays as it is.
    """
    chain = _chain(error, handled)
    cause = next((each for each in chain if isinstance(each, asyncpg.PostgresError)), chain[-1])
    said = _said(cause)
    for each in chain:
        _strip(each, said)


def _chain(error: BaseException, handled: BaseException | None = None) -> list[BaseException]:
    """An error and what led to it, up to what was being handled before."""
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following is not handled and following not in chain:
        chain.append(following)
        following = following.__cause__ or following.__context__
    return chain


def _said(error: BaseException) -> str:
    """An error in words that quote nothing."""
    name = type(error).__name__
    if isinstance(error, asyncpg.PostgresError):
        if str(error.sqlstate)[:2] in _ABOUT_NO_ROW:
            return str(error.args[0]) if error.args else name
        names = (error.table_name, error.column_name, error.constraint_name)
        return " ".join([name, f"({error.sqlstate})", *(each for each in names if each)])
    argument = _ARGUMENT.match(str(error.args[0])) if error.args else None
    if argument is not None:
        return f"{name}: {argument[0]}"
    quotes = isinstance(error, asyncpg.DataError | UnicodeError | ValueError | StatementError)
    return name if quotes else f"{name}: {error}"


def _strip(error: BaseException, said: str) -> None:
    if isinstance(error, UnicodeEncodeError | UnicodeDecodeError):
        error.object = type(error.object)()
        return
    error.args = (said,)
    if isinstance(error, StatementError):
        error.params, error.hide_parameters = None, True
    elif isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError):
        for name in _QUOTING:
            setattr(error, name, None)
