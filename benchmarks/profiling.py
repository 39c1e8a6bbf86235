"""Where this process spends its time."""

import cProfile
import pstats
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

#: From here on one profiler serves all threads of a process, and cannot tell them apart.
_ONE_FOR_ALL: Final = sys.version_info >= (3, 12)


@contextmanager
def profiled(entries: int) -> Iterator[None]:
    """Profile this thread, and the threads started meanwhile, and print the costliest calls.

    Workflows run in threads of their own, which Python 3.12 and newer leave out here.

    Args:
        entries: how many to print, by cumulative time.
    """
    profiles = [cProfile.Profile()]

    def profile_thread(frame: FrameType, event: str, argument: Any) -> None:  # noqa: ANN401 - any
        # Called for the first event of a new thread; enabling takes over from here.
        profiles.append(cProfile.Profile())
        profiles[-1].enable()

    if not _ONE_FOR_ALL:
        threading.setprofile(profile_thread)
    profiles[0].enable()
    try:
        yield
    finally:
        profiles[0].disable()
        if not _ONE_FOR_ALL:
            threading.setprofile(None)
    _print(profiles, entries)


def _print(profiles: list[cProfile.Profile], entries: int) -> None:
    statistics = pstats.Stats(profiles[0])
    for profile in profiles[1:]:
        statistics.add(profile)
    statistics.sort_stats(pstats.SortKey.CUMULATIVE).print_stats(entries)
