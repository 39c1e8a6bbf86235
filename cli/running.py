"""Carrying a command out: exit codes, options every command has, replies and errors.

Modules that take long to import wait until a command needs them: `--help` takes a tenth
of the time.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

if TYPE_CHECKING:
    from madan_sara.cli.actions import Action, Reply

OK: Final = 0
WILL_NOT_BE_SENT: Final = 1
BAD_INPUT: Final = 2
NOT_FOUND: Final = 3
UNREACHABLE: Final = 4

EXIT_CODES: Final = (
    "Exit codes:\n\n"
    "0  done; a message asked about is sent or will be\n\n"
    "1  the message is blocked, failed or cancelled (send, status, reschedule, fallback); "
    "rows were rejected (campaign import); a question was answered with no; a part cannot be "
    "used (healthcheck)\n\n"
    "2  bad input: what, which field and what to do stands on standard error "
    "(campaign validate --json: in the document)\n\n"
    "3  there is no such message or campaign\n\n"
    "4  the database or Temporal cannot be reached, or no worker answers"
)

AsJson = Annotated[bool, typer.Option("--json", help="Answer as one JSON document.")]

Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask first; only on a terminal is asked.")
]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")]
After = Annotated[
    str | None, typer.Option(metavar="ID", help="Go on behind this one, the last of a page.")
]


def run(prepare: "Callable[[], Action | Reply]", *, as_json: bool = False) -> NoReturn:
    """Carry an action out, show its reply or its error, and exit."""
    raise typer.Exit(_exit_code(prepare, as_json=as_json))


def _exit_code(prepare: "Callable[[], Action | Reply]", *, as_json: bool) -> int:
    from madan_sara.cli.actions import Reply, execute
    from madan_sara.cli.asking import NotConfirmedError
    from madan_sara.cli.terminal import show, show_error, show_json
    from madan_sara.contracts.errors import (
        ConflictError,
        InvalidRequestError,
        MadanSaraError,
        MisconfiguredError,
        NotFoundError,
        StorageError,
        UnreachableError,
    )

    codes: dict[type[Exception], int] = {
        ConflictError: BAD_INPUT,
        InvalidRequestError: BAD_INPUT,
        NotConfirmedError: WILL_NOT_BE_SENT,
        UnreachableError: UNREACHABLE,
        MisconfiguredError: UNREACHABLE,
        StorageError: UNREACHABLE,
        NotFoundError: NOT_FOUND,
        MadanSaraError: UNREACHABLE,
    }
    try:
        prepared = prepare()
        reply = prepared if isinstance(prepared, Reply) else asyncio.run(execute(prepared))
    except tuple(codes) as error:
        show_error(str(error))
        return next(code for kind, code in codes.items() if isinstance(error, kind))
    if reply.violations and not as_json:
        for line in reply.violations:
            show_error(line)
        return BAD_INPUT
    if as_json:
        show_json(reply.document)
    elif reply.view is not None:
        show(reply.view)
    if reply.violations:
        return BAD_INPUT
    return OK if reply.stands else WILL_NOT_BE_SENT
