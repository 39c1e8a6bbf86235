"""What PostgreSQL's drivers raise, without the values of rows.

Their errors quote what was stored or sent: `Key (recipient_id)=(marie) already exists`,
`invalid input for query argument $2: '+50937001234'`. Errors end up in histories and logs,
and those hold nobody's data. What kind of error it is stays, for those who tell them apart.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg
from sqlalchemy.exc import SQLAlchemyError, StatementError

#: Classes of SQLSTATE whose messages are about connections, resources and transactions, and
#: never quote a row: https://www.postgresql.org/docs/current/errcodes-appendix.html
_ABOUT_NO_ROW: Final = frozenset({"08", "25", "28", "3D", "40", "53", "55", "57"})

#: What asyncpg says about an argument up to the argument itself.
_ARGUMENT: Final = re.compile(r".*?query argument \$\d+")

_DRIVERS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError, UnicodeError)
_QUOTING: Final = ("detail", "hint", "context", "internal_query", "query")


@contextmanager
def without_values() -> Iterator[None]:
    """Let the drivers' errors out without what they quote."""
    try:
        yield
    except _DRIVERS as error:
        strip_values(error)
        raise


def strip_values(error: BaseException) -> None:
    """Take the values out of an error and of what caused it; their types stay."""
    chain = _chain(error)
    cause = next((each for each in chain if isinstance(each, asyncpg.PostgresError)), chain[-1])
    said = _said(cause)
    for each in chain:
        _strip(each, said)


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in chain:
        chain.append(following)
        following = following.__cause__ or following.__context__
    return chain


def _said(error: BaseException) -> str:
    """An error in words that quote nothing."""
    name = type(error).__name__
    if isinstance(error, asyncpg.PostgresError):
        if str(error.sqlstate)[:2] in _ABOUT_NO_ROW:
            return str(error.args[0]) if error.args else name
        places = (error.table_name, error.column_name, error.constraint_name)
        return " ".join([name, f"({error.sqlstate})", *(place for place in places if place)])
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
