"""The end of a process that has talked to Temporal.

Temporal's client runs threads of its own. One that reaches for the interpreter while it is
being torn down crashes the process (Python before 3.14; SIGABRT or SIGSEGV, though all work is
done): https://github.com/temporalio/sdk-python/issues/300. On two busy cores it met one short
process of four.
"""

import atexit
import contextlib
import functools
import logging
import os
import sys
import time
from typing import Final, NoReturn

#: Ten times the interval after which Python hands the interpreter to a waiting thread.
_LAST_WORDS_SECONDS: Final = 0.05


def exit_process(code: int) -> NoReturn:
    """End this process with its output written and nothing torn down."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BrokenPipeError):  # The reader has left; so do we.
            stream.flush()
    os._exit(code)


@functools.cache
def let_threads_finish_at_exit() -> None:
    """Have an ordinary end of this process wait a moment for the threads of the client."""
    atexit.register(time.sleep, _LAST_WORDS_SECONDS)
