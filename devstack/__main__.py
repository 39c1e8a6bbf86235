"""The whole system in one terminal: kept running, played through, or run at size."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path

from rich.console import Console

from madan_sara.config.ending import exit_process
from madan_sara.devstack.campaign.run import run_campaign
from madan_sara.devstack.demo.examples import EXAMPLES
from madan_sara.devstack.demo.run import run_demo
from madan_sara.devstack.errors import DevstackError
from madan_sara.devstack.private import PRIVATE_UMASK
from madan_sara.devstack.stack import default_state_dir
from madan_sara.devstack.up import run_up

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

#: Wide enough for a line of the demo's table where there is no terminal to ask.
_PLAIN_WIDTH = 140

_console = Console(width=None if sys.stdout.isatty() else _PLAIN_WIDTH, highlight=False)


def main() -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    os.umask(PRIVATE_UMASK)  # Of every file, here and in every process started from here.
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    arguments = _parse_arguments()
    try:
        return 0 if asyncio.run(_command(arguments)) else 1
    except DevstackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        where = default_state_dir()
        print(
            f"error: {where} cannot be used: {error}; set MADAN_SARA_DEVSTACK_DIR", file=sys.stderr
        )
        return 1


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m madan_sara.devstack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start everything, show where it is, stop it on Ctrl-C")
    demo = commands.add_parser("demo", help="play every way an outreach can end, and check it")
    demo.add_argument(
        "--examples",
        type=Path,
        default=EXAMPLES,
        metavar="DIR",
        help="what to send, to whom, and what must come of it (default: %(default)s)",
    )
    campaign = commands.add_parser("campaign", help="run one campaign to many, and check it")
    campaign.add_argument("--recipients", type=int, default=10_000, metavar="N")
    campaign.add_argument("--seed", type=int, default=1, help="the same seed, the same people")
    campaign.add_argument(
        "--outage",
        type=float,
        default=0,
        metavar="SECONDS",
        help="take each provider away for so long, one after the other, in the middle of it",
    )
    return parser.parse_args()


async def _command(arguments: argparse.Namespace) -> bool:
    """Carry the command line out; whether all is well."""
    if arguments.command == "up":
        return await _up()
    here = default_state_dir() / arguments.command
    if arguments.command == "demo":
        return await _to_its_end(run_demo(here, arguments.examples, _console))
    size, seed, outage = arguments.recipients, arguments.seed, arguments.outage
    return await _to_its_end(run_campaign(here, size, seed, _console, outage_seconds=outage))


async def _up() -> bool:
    stop_asked = _cancel_on_signal()
    try:
        await run_up(default_state_dir(), os.environ, _console)
    except asyncio.CancelledError:
        if not stop_asked.is_set():
            raise
        _console.print("Everything is stopped; the data stays for the next time.")
    return True


async def _to_its_end(play: Coroutine[None, None, bool]) -> bool:
    """Play something through, unless a signal stops it."""
    stop_asked = _cancel_on_signal()
    try:
        return await play
    except asyncio.CancelledError:
        if not stop_asked.is_set():
            raise
        _console.print("Stopped before the end; nothing was checked.")
        return False


def _cancel_on_signal() -> asyncio.Event:
    """Let the first stop signal end the current task, and ignore further ones.

    Impatience in the middle of stopping would leave things running.
    """
    stop_asked = asyncio.Event()
    task = asyncio.current_task()

    def stop() -> None:
        if not stop_asked.is_set() and task is not None:
            stop_asked.set()
            _console.print("\nStopping ...")
            task.cancel()

    for signal_ in _STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(signal_, stop)
    return stop_asked


if __name__ == "__main__":
    exit_process(main())
