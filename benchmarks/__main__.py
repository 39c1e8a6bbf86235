"""`python -m benchmarks`: every measurement at its ordinary size, but for the two long ones.

Each has servers of its own, so that none finds another's data. A whole campaign takes more
than an hour, and a night's sleepers a quarter of one: `python -m benchmarks.campaign` and
`python -m benchmarks.waking`.
"""

import uvloop

from benchmarks import decision, importing, pacing, sending, status, throughput


def main() -> None:
    """Run them one after the other."""
    uvloop.run(decision.measure(decision.Size()))
    print()
    uvloop.run(throughput.measure(throughput.Size()))
    print()
    uvloop.run(sending.measure(sending.Size()))
    print()
    uvloop.run(importing.measure(importing.TARGET_ROWS))
    print()
    uvloop.run(status.measure(status.Size()))
    print()
    pacing.measure(pacing.Size())


if __name__ == "__main__":
    main()
