"""`python -m benchmarks`: every measurement, one after the other, at its ordinary size."""

import uvloop

from benchmarks import decision, throughput


def main() -> None:
    """Run both; each has servers of its own, so that neither finds the other's data."""
    uvloop.run(decision.measure(decision.Size()))
    print()
    uvloop.run(throughput.measure(throughput.Size()))


if __name__ == "__main__":
    main()
