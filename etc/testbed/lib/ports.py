"""Choice of TCP ports on the loopback interface."""

import socket

from .base import TestbedError

LOOPBACK = "127.0.0.1"
_SPAN = 200  # how far above its default a port is looked for


def is_free(port: int) -> bool:
    """Report whether a server could listen on port now. A port in TIME_WAIT counts as free."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def accepts(port: int) -> bool:
    """Report whether somebody accepts connections on port."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=2).close()
    except OSError:
        return False
    return True


def choose(name: str, default: int, *, asked: int | None = None, last: int | None = None,
           used: frozenset[int] = frozenset(), free=is_free) -> int:
    """Return the port for name: the one asked for, else the one it had last time, else its
    default, else the next free one above. used are the ports promised to others.

    Raises TestbedError when the port asked for is taken: that one was chosen with a reason.
    """
    if asked is not None:
        if asked in used or not free(asked):
            raise TestbedError(f"port {asked}, asked for as the {name} port, is taken: free it, "
                               f"or leave the option out to have a free one chosen")
        return asked
    first = [last] if last is not None else []
    for port in [*first, *range(default, default + _SPAN)]:
        if port not in used and free(port):
            return port
    raise TestbedError(f"no free port for {name} from {default} to {default + _SPAN - 1}")
