"""`python -m madan_sara.devstack up`: the whole system, kept running for its user."""

from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from madan_sara.devstack.beside import beside
from madan_sara.devstack.panel import stack_panel, write_env_file
from madan_sara.devstack.play import has_made_up_people
from madan_sara.devstack.receipt_relay import ReceiptRelay
from madan_sara.devstack.stack import Stack
from madan_sara.devstack.user_settings import own_mail_server, own_worker_settings


async def run_up(state_dir: Path, environment: Mapping[str, str], console: Console) -> NoReturn:
    """Start everything, show where it is, and keep it running until cancelled.

    Args:
        state_dir: Where everything is kept, and found again.
        environment: The user's own settings; with a mail server in it, e-mail goes out for real.
        console: Where to show it.

    Raises:
        DevstackError: Something stands in the way, or a server has ended.
    """
    stack = users_stack(state_dir, environment, console)
    console.print("Starting PostgreSQL, Temporal, mail sink, sandbox and worker ...")
    async with stack, await stack.connect() as orchestrator:
        bookmark = stack.state_dir / "receipts-read"
        relay = ReceiptRelay(stack.sandbox.url, orchestrator, bookmark=bookmark)
        async with beside(relay.run()):
            console.print(stack_panel(stack, write_env_file(stack)))
            await stack.keep_up(console.print)


def users_stack(state_dir: Path, environment: Mapping[str, str], console: Console) -> Stack:
    """A stack with its user's settings; it has not been started.

    Their mail server gets nothing from a folder in which something was played through: its
    messages are for people who were made up, at addresses that may be real.

    Args:
        state_dir: Where everything is kept.
        environment: The user's own settings.
        console: Where to say that their mail server gets nothing.
    """
    mail_server = own_mail_server(environment)
    if mail_server and has_made_up_people(state_dir):
        console.print(f"{state_dir} has made-up people: e-mail to them stays in the mail sink.")
        mail_server = {}
    settings = own_worker_settings(environment)
    return Stack(state_dir, worker_settings=settings, mail_server=mail_server)
