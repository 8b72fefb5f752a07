"""How a service is served: uvicorn, with the limits that the load balancer calls for."""

from __future__ import annotations

from typing import Final

import uvicorn
from starlette.types import ASGIApp

# Longer than the load balancer's idle timeout (60 s): the side that reuses a connection must be
# the one that closes it, or requests are lost on connections that are being closed.
KEEP_ALIVE_SECONDS: Final = 75
SHUTDOWN_SECONDS: Final = 20


def serve(app: ASGIApp, *, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; then finish what is in flight, and return."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="asyncio",
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    uvicorn.Server(config).run()
