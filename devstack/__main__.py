"""`python -m devstack up`: the whole system in one terminal."""

import argparse
import asyncio
import logging
import signal
import sys

from rich.console import Console

from devstack.errors import DevstackError
from devstack.panel import stack_panel, write_env_file
from devstack.stack import Stack, default_state_dir

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_console = Console()


def main() -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    _parse_arguments()
    try:
        asyncio.run(_up())
    except DevstackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m devstack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start everything, show where it is, stop it on Ctrl-C")
    return parser.parse_args()


async def _up() -> None:
    stop_asked = _cancel_on_signal()
    try:
        _console.print("Starting PostgreSQL, Temporal, mail sink, sandbox and worker ...")
        async with Stack(default_state_dir()) as stack:
            _console.print(stack_panel(stack, write_env_file(stack)))
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        if not stop_asked.is_set():
            raise
        _console.print("Everything is stopped; the data stays for the next time.")


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
    sys.exit(main())
