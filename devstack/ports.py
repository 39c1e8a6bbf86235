"""Ports on the loopback interface."""

import logging
import socket
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"

_logger = logging.getLogger(__name__)


def choose_ports(*preferred: int) -> list[int]:
    """Find ports to listen on: the preferred ones, or free ones where those are taken.

    Args:
        preferred: What to try first, one per port needed; 0 when any will do.

    Returns:
        As many ports, all different, in the same order.
    """
    with ExitStack() as held:  # All held until all are chosen, so that none is chosen twice.
        return [_choose(port, held) for port in preferred]


def _choose(preferred: int, held: ExitStack) -> int:
    if not preferred:
        return _bind(0, held)
    try:
        return _bind(preferred, held)
    except OSError:
        chosen = _bind(0, held)
        _logger.warning("port %d is taken, using %d instead", preferred, chosen)
        return chosen


def _bind(port: int, held: ExitStack) -> int:
    listener = held.enter_context(socket.socket())
    # As servers do: a connection closed a moment ago does not keep the port.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((LOOPBACK, port))
    # On Linux two sockets with SO_REUSEADDR may share a port until one of them listens.
    listener.listen(1)
    bound: int = listener.getsockname()[1]
    return bound
