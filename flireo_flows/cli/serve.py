"""`flireo-flows sandbox` and `flireo-flows webhooks`: the two servers."""

import os
from typing import Annotated

from cyclopts import Parameter

from flireo_flows.cli.problems import SettingError


def sandbox(
    *,
    port: int = 8099,
    host: str = "127.0.0.1",
    time_scale: float = 1.0,
    rate_limit: int = 100,
    rate_window_seconds: float = 60.0,
    webhook_url: str = "",
    minutes_balance: float = 1000.0,
    seed: int = 0,
    dialect: str = "",
    lose_answer_share: float = 0.0,
    bad_gateway_share: float = 0.0,
    webhook_drop_share: float = 0.0,
    webhook_double_share: float = 0.0,
) -> int:
    """Run a local Flireo: the API over real HTTP, with calls that live and end. Rings nobody.

    Its base URL is http://HOST:PORT/api/v1; any key is accepted; it has the agent demo-agent and the number
    demo-number. What it rang is listed at /sandbox/rings. FLIREO_WEBHOOK_SECRET signs its webhooks.

    Parameters
    ----------
    port
        Port to listen on.
    host
        Address to listen on.
    time_scale
        Simulated seconds a real second: 60 plays a minute of a call in a second.
    rate_limit
        Requests per key and window; 0 for no limit.
    rate_window_seconds
        Length of the window.
    webhook_url
        Where the demo agent sends its webhooks; empty for nowhere.
    minutes_balance
        Prepaid minutes.
    seed
        Outcomes, transcripts, analyses and faults follow from it.
    dialect
        Generation of the API to be: flireo or hmsovereign; by default FLIREO_DIALECT, else flireo.
    lose_answer_share
        Share of calls that are placed but whose answer is lost, 0 to 1.
    bad_gateway_share
        Share of calls that meet a 502 and are not placed, 0 to 1.
    webhook_drop_share
        Share of webhooks that are never sent, 0 to 1.
    webhook_double_share
        Share of webhooks that are sent twice, 0 to 1.
    """
    from pydantic import ValidationError

    from flireo_flows.cli.settings import first_problem
    from flireo_flows.leash import obey
    from flireo_flows.sandbox import SandboxSettings
    from flireo_flows.sandbox.server import run

    obey()
    _check_port(host, port)
    fields = {
        "time_scale": time_scale,
        "rate_limit": rate_limit,
        "rate_window_seconds": rate_window_seconds,
        "webhook_url": webhook_url or None,
        "webhook_secret": os.environ.get("FLIREO_WEBHOOK_SECRET") or None,
        "minutes_balance": minutes_balance,
        "seed": seed,
        "dialect": dialect or os.environ.get("FLIREO_DIALECT") or "flireo",
        "lose_answer_share": lose_answer_share,
        "bad_gateway_share": bad_gateway_share,
        "webhook_drop_share": webhook_drop_share,
        "webhook_double_share": webhook_double_share,
    }
    try:
        settings = SandboxSettings.model_validate(fields)
    except ValidationError as error:
        field = str(error.errors(include_input=False)[0]["loc"][0]).replace("_", "-")
        raise SettingError(f"--{field}: {first_problem(error)}") from None
    print(f"sandbox: http://{host}:{port}/api/v1 (rings nobody; Ctrl-C stops it)", flush=True)
    run(settings, host, port)
    return 0


def webhooks(
    *,
    port: int = 8098,
    host: str = "127.0.0.1",
    unsigned: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Take Flireo's webhooks at POST /webhooks/flireo and store them in the ledger; GET /health answers.

    FLIREO_WEBHOOK_SECRET checks their signatures; several secrets are separated by spaces, so that an old and
    a new one are valid together.

    Parameters
    ----------
    port
        Port to listen on.
    host
        Address to listen on; 0.0.0.0 for all.
    unsigned
        Take deliveries without a signature when no secret is set. Only on a machine of your own.
    """
    import uvicorn

    from flireo_flows.cli.settings import ledger_url
    from flireo_flows.leash import obey
    from flireo_flows.receiver.app import create_app

    obey()
    secrets = os.environ.get("FLIREO_WEBHOOK_SECRET", "").split()
    if not secrets and not unsigned:
        raise SettingError(
            "FLIREO_WEBHOOK_SECRET is not set, so nobody could tell a forged report from a true one. Set it to "
            "the agent's webhook_secret, or say --unsigned on a machine of your own."
        )
    _check_port(host, port)
    _check_ledger(ledger_url())
    print(f"webhooks: http://{host}:{port}/webhooks/flireo (Ctrl-C stops it)", flush=True)
    uvicorn.run(
        create_app(ledger_url(), secrets), host=host, port=port, log_level="warning", access_log=False
    )
    return 0


def _check_port(host: str, port: int) -> None:
    """A taken port is told in a sentence; the server itself would print a traceback."""
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            words = getattr(error, "strerror", None) or str(error)
            raise SettingError(f"cannot listen on {host}:{port}: {words}. Choose another --port.") from None


def _check_ledger(url: str) -> None:
    """A ledger that cannot be opened is told in a sentence, before the server starts."""
    import asyncio

    from flireo_flows.calling.ledger import Database

    async def open_once() -> None:
        async with await Database.open(url):
            pass

    asyncio.run(open_once())
