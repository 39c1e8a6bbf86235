"""A profile of this process's time.

By samples, not with cProfile: SQLAlchemy's asyncio side switches greenlets in the middle
of a call, which cProfile does not follow; its cumulative times then add up to more than
the time there was.
"""

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Final

_EVERY_SECONDS: Final = 0.002
#: How long Python lets one thread run while the sampler waits for the processor.
_SWITCH_SECONDS: Final = 0.0005
#: Innermost functions of a thread that waits for work. uvloop's C code, at work or
#: waiting, shows as the runner that called it.
_WAITING: Final = frozenset({"_worker", "wait", "select", "Runner.run"})
_FOLDERS_SHOWN: Final = 3


class _Sampler:
    """Samples every other thread, again and again, in a thread of its own."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="sampler", daemon=True)
        self.looks = 0
        self.inside: Counter[CodeType] = Counter()
        self.innermost: Counter[CodeType] = Counter()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        own = threading.get_ident()
        while not self._stop.wait(_EVERY_SECONDS):
            for thread, frame in sys._current_frames().items():
                if thread != own and frame.f_code.co_qualname not in _WAITING:
                    self._count(frame)

    def _count(self, innermost: FrameType) -> None:
        self.looks += 1
        self.innermost[innermost.f_code] += 1
        codes, frame = set(), innermost
        while True:
            codes.add(frame.f_code)
            if frame.f_back is None:
                break
            frame = frame.f_back
        self.inside.update(codes)


@contextmanager
def profiled(entries: int) -> Iterator[None]:
    """Sample every thread of this process meanwhile, then print what came up most.

    Args:
        entries: how many functions to print.
    """
    sampler, usual = _Sampler(), sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    sampler.start()
    try:
        yield
    finally:
        sampler.stop()
        sys.setswitchinterval(usual)
    _print(sampler, entries)


def _print(sampler: _Sampler, entries: int) -> None:
    print(
        f"\n{sampler.looks} samples of threads at work; share of them in a function, calls included"
    )
    print(" inside   itself")
    for code, looks in sampler.inside.most_common(entries):
        inside, itself = looks / sampler.looks, sampler.innermost[code] / sampler.looks
        path = "/".join(Path(code.co_filename).parts[-_FOLDERS_SHOWN:])
        print(f"{inside:7.1%}  {itself:7.1%}  {code.co_qualname} ({path})")
