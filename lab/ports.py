"""Ports on loopback that stay free until somebody listens on them."""

import socket
import sys

_held: list[socket.socket] = []


def reserve_port() -> int:
    """A free port that nobody else gets while this process lives.

    Held by a socket that is bound and does not listen; on Linux another one may bind and listen
    beside it when both say SO_REUSEADDR, as servers do. Elsewhere the port is only picked.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    port: int = holder.getsockname()[1]
    if sys.platform == "linux":
        _held.append(holder)
    else:
        holder.close()
    return port
