"""Ports on the loopback interface."""

import logging
import random
import socket
from contextlib import ExitStack
from typing import Final

LOOPBACK = "127.0.0.1"

#: Below what Linux (32768) and macOS (49152) give to outgoing connections: one of those could
#: take a port between its choice and its server.
ANY_PORT: Final = range(10_000, 32_768)

_logger = logging.getLogger(__name__)

#: Of the system: two processes that start alike must not choose alike.
_RANDOM: Final = random.SystemRandom()


def choose_ports(*preferred: int) -> list[int]:
    """Find ports to listen on: the preferred ones, or free ones where those are taken.

    Args:
        preferred: The ports to try first, one per port needed; 0 when any will do.

    Returns:
        As many ports, all different, in the same order.
    """
    with ExitStack() as held:  # All held until all are chosen, so that none is chosen twice.
        return [_choose(port, held) for port in preferred]


def _choose(preferred: int, held: ExitStack) -> int:
    if preferred and _can_bind(preferred, held):
        return preferred
    chosen = next(port for port in _RANDOM.sample(ANY_PORT, len(ANY_PORT)) if _can_bind(port, held))
    if preferred:
        _logger.warning("port %d is taken, using %d instead", preferred, chosen)
    return chosen


def _can_bind(port: int, held: ExitStack) -> bool:
    """Hold a port, if no other socket does."""
    listener = held.enter_context(socket.socket())
    # As servers do: a connection closed a moment ago does not keep the port.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        # On Linux two sockets with SO_REUSEADDR may share a port until one of them listens.
        listener.listen(1)
    except OSError:
        return False
    return True
