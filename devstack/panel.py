"""The panel of `make up`: addresses, and commands to try."""

import shlex
import sys
from pathlib import Path
from typing import Final

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from sqlalchemy.engine import make_url

from madan_sara.config.settings import WorkerSettings
from madan_sara.devstack.private import write_private
from madan_sara.devstack.stack import Stack

_DATABASE_URL: Final = "MADAN_SARA_DATABASE_URL"

#: To try in another terminal; each shows something the first one did not.
_TO_TRY: Final = (
    "madan-sara send examples/request.json",
    "madan-sara explain MESSAGE_ID",
    "madan-sara send examples/request.json  # blocked: a duplicate",
    "madan-sara --help",
)


def write_env_file(stack: Stack) -> Path:
    """Write the settings as `export` lines, for `. FILE` in another terminal of the same user.

    Args:
        stack: A running stack.

    Returns:
        The file.
    """
    lines = [f"export {name}={shlex.quote(value)}" for name, value in stack.environment().items()]
    # The command line stands beside the interpreter that runs us.
    lines.append(f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"')
    env_file = stack.state_dir / "env"
    write_private(env_file, "\n".join(lines) + "\n")
    return env_file


def stack_panel(stack: Stack, env_file: Path) -> Panel:
    """Describe a running stack.

    Args:
        stack: The stack.
        env_file: Where its settings were written.
    """
    addresses = {
        "Web UI": stack.temporal.ui_url,
        "database": _without_password(stack.database_url),
        "mail": _mail(stack),
        "sandbox": stack.sandbox.url,
        "sandbox log": str(stack.sandbox_journal),
        "worker log": str(stack.state_dir / "worker.log"),
    }
    steps = [f". {shlex.quote(_short(env_file))}", *_TO_TRY]
    body = Group(
        _two_columns(addresses),
        _heading(f"settings (with the password in {_short(env_file)})"),
        _two_columns({**stack.environment(), _DATABASE_URL: _without_password(stack.database_url)}),
        _heading("in another terminal"),
        *(Text(f"  {step}") for step in steps),
    )
    return Panel(body, title="Madan Sara is up", subtitle="Ctrl-C stops everything", expand=False)


def _mail(stack: Stack) -> str:
    """Where e-mail goes."""
    if not stack.mail_server:
        return str(stack.mail_dir)
    settings = WorkerSettings.model_fields
    host = stack.mail_server["MADAN_SARA_SMTP_HOST"]
    port = stack.mail_server.get("MADAN_SARA_SMTP_PORT") or settings["smtp_port"].default
    sender = stack.mail_server.get("MADAN_SARA_SMTP_SENDER") or settings["smtp_sender"].default
    return f"e-mail goes out for real through {host}:{port}, from {sender}"


def _without_password(url: str) -> str:
    return url.replace(make_url(url).password or "", "***", 1)


def _heading(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def _two_columns(rows: dict[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in rows.items():
        # As plain text: a bracket in a path is not markup.
        table.add_row(Text(name, style="cyan"), Text(value, overflow="fold"))
    return table


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
