"""The costs of a campaign, tenth by tenth of its recipients."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.machine import CpuUse
from madan_sara.devstack.campaign.watch import Sample


@dataclass(frozen=True)
class Tenth:
    """A stretch of a campaign."""

    #: From the last one of the stretch before.
    samples: Sequence[Sample]
    cpu: CpuUse

    @property
    def recipients(self) -> int:
        """Recipients who got their outcome."""
        return self.samples[-1].done - self.samples[0].done

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.samples[-1].seconds - self.samples[0].seconds


def report_header(programs: Sequence[str]) -> None:
    """Print the names of the columns of `report_tenth`."""
    cpu = "".join(f"{name + ' ms':>15}" for name in programs)
    print(f"{'done':>8} {'a second':>9}{cpu} {'others':>7} {'worker MB':>10} {'status ms':>10}")


def report_tenth(tenth: Tenth) -> None:
    """Print a line: the average costs of one recipient, and the state meanwhile."""
    cpu = "".join(
        f"{spent * 1000 / max(tenth.recipients, 1):>15.1f}"
        for spent in tenth.cpu.by_program.values()
    )
    memory = max(sample.worker_bytes for sample in tenth.samples) / 1e6
    status = statistics.median(sample.status_seconds for sample in tenth.samples) * 1000
    print(
        f"{tenth.samples[-1].done:>8} {tenth.recipients / tenth.seconds:>9.1f}{cpu} "
        f"{tenth.cpu.elsewhere / tenth.seconds:>7.2f} {memory:>10.0f} {status:>10.1f}",
        flush=True,
    )
