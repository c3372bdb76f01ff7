"""Serving a sandbox over HTTP."""

from typing import Final

import uvicorn

from flireo_flows.sandbox.app import create_app
from flireo_flows.sandbox.lost_answer import ClosableProtocol
from flireo_flows.sandbox.settings import SandboxSettings
from flireo_flows.sandbox.state import Contents

_GOODBYE_SECONDS: Final = 2  # for requests under way when the server is stopped


def make_server(
    settings: SandboxSettings,
    host: str = "127.0.0.1",
    port: int = 8099,
    contents: Contents | None = None,
) -> uvicorn.Server:
    """A server that does not listen yet.

    Args:
        settings: Of the sandbox.
        host: Address to listen on. It checks no real keys, so keep it to this machine.
        port: 0 for any that is free.
        contents: What the organization owns; by default an agent and a number.

    Raises:
        StateError: The contents are none that a sandbox can hold.
    """
    config = uvicorn.Config(
        create_app(settings, contents),
        host=host,
        port=port,
        http=ClosableProtocol,
        ws="none",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=_GOODBYE_SECONDS,
    )
    return uvicorn.Server(config)


def run(settings: SandboxSettings, host: str = "127.0.0.1", port: int = 8099) -> None:
    """Serve a sandbox until the process is told to stop. Its base URL is `http://HOST:PORT/api/v1`."""
    make_server(settings, host, port).run()
