"""`flireo-flows sandbox` and `flireo-flows webhooks`: the two servers."""

import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flireo_flows.cli.user_errors import SettingError


def sandbox(
    *,
    state: Path | None = None,
    port: int = 8099,
    host: str = "127.0.0.1",
    time_scale: float | None = None,
    rate_limit: int | None = None,
    rate_window_seconds: float | None = None,
    webhook_url: str | None = None,
    minutes_balance: float | None = None,
    seed: int | None = None,
    dialect: str | None = None,
    lose_answer_share: float | None = None,
    bad_gateway_share: float | None = None,
    webhook_drop_share: float | None = None,
    webhook_double_share: float | None = None,
) -> int:
    """Run a local Flireo: the whole API over real HTTP. Rings nobody.

    For demos, for tests, and for trying out leads, a policy or a webhook
    receiver before real people are rung. Calls ring, are answered or not, end,
    are summed up and reported. All of it is in memory, and gone at the end.

    Base URL: http://127.0.0.1:8099/api/v1 (FLIREO_BASE_URL). Any API key will
    do. There is an agent, demo-agent, and a number, demo-number, so that a
    first call just works. Calls run at the pace of --time-scale. Who answers
    follows from --seed, or from a script by phone number. Agents' webhooks are
    sent; FLIREO_WEBHOOK_SECRET signs those of the demo agent.

    What no real platform shows or does is under http://127.0.0.1:8099/sandbox,
    without a key:

    - GET /sandbox lists what there is; GET /sandbox/calls the calls it placed.
    - POST /sandbox/inbound lets somebody ring in.
    - POST /sandbox/faults lets requests fail, /sandbox/settings changes the rest.
    - POST /sandbox/reset goes back to the beginning.
    - GET /sandbox/state is the present state, as a file for --state.

    Agents, numbers, campaigns, scripted outcomes, faults and every other
    setting come from the file of --state; docs/sandbox.md of the project has
    them all, and says what is the vendor's word and what is assumed.

    Parameters
    ----------
    state
        YAML or JSON file of what the sandbox holds and how it behaves. The options here win over it. By default
        there is one agent and one number.
    port
        Port to listen on.
    host
        Address to listen on.
    time_scale
        Simulated seconds a real second: 60 plays a minute of a call in a second. By default 1.
    rate_limit
        Requests per key and window; 0 for no limit. By default 100.
    rate_window_seconds
        Length of the window. By default 60.
    webhook_url
        Where the demo agent sends its webhooks. By default nowhere.
    minutes_balance
        Prepaid minutes. By default 1000.
    seed
        Outcomes, transcripts, analyses and faults follow from it. By default 0.
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
    from flireo_flows.cli.sandbox_state import read_state
    from flireo_flows.prefect_support.child_process import exit_with_parent
    from flireo_flows.sandbox.server import make_server
    from flireo_flows.sandbox.state import StateError

    exit_with_parent()
    _check_port(host, port)
    options = {
        "time_scale": time_scale,
        "rate_limit": rate_limit,
        "rate_window_seconds": rate_window_seconds,
        "webhook_url": webhook_url or None,
        "minutes_balance": minutes_balance,
        "seed": seed,
        "dialect": dialect or None,
        "lose_answer_share": lose_answer_share,
        "bad_gateway_share": bad_gateway_share,
        "webhook_drop_share": webhook_drop_share,
        "webhook_double_share": webhook_double_share,
    }
    read = read_state(state, {name: value for name, value in options.items() if value is not None})
    try:
        server = make_server(read.settings, host, port, read.contents())
    except StateError as error:
        raise SettingError(f"state {state}: {error}. Correct that, and start again.") from None
    print(f"sandbox: http://{_address(host, port)}/api/v1 (rings nobody; Ctrl-C stops it)", flush=True)
    server.run()
    return 0


def webhooks(
    *,
    port: int = 8098,
    host: str = "127.0.0.1",
    app: str = "",
    unsigned: Annotated[bool, Parameter(negative=())] = False,
    log_json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Take Flireo's webhooks at POST /webhooks/flireo and store them in the ledger.

    FLIREO_WEBHOOK_SECRET checks their signatures; several secrets are separated by spaces: those of several
    agents, and an old and a new one that are valid together. GET /health tells whether the ledger answers,
    GET /metrics counts, for Prometheus. SIGTERM and Ctrl-C let requests under way be answered first.

    Where PREFECT_API_URL is set, the ledger's events are sent there, and an event says when reports wait.

    Parameters
    ----------
    port
        Port to listen on.
    host
        Address to listen on; 0.0.0.0 for all.
    app
        A receiver of your own, with tools: MODULE:NAME or FILE.py:NAME. Its own secrets and ledger count then.
    unsigned
        Take deliveries without a signature when no secret is set. Only on a machine of your own.
    log_json
        Log each delivery as a line of JSON, without personal data.
    """
    import asyncio

    from flireo_flows.cli.webhooks import load_receiver, receiver_from_settings, serve
    from flireo_flows.prefect_support.child_process import exit_with_parent

    exit_with_parent()
    receiver = load_receiver(app) if app else receiver_from_settings(unsigned=unsigned)
    _check_port(host, port)
    asyncio.run(receiver.check())
    if os.environ.get("PREFECT_API_URL", "").strip():
        from flireo_flows.prefect_support.events import announce_forever

        receiver.run_beside(lambda: announce_forever(receiver.ledger_url))
    print(f"webhooks: http://{_address(host, port)}/webhooks/flireo (Ctrl-C stops it)", flush=True)
    serve(receiver, host, port, log_json=log_json)
    return 0


def _address(host: str, port: int) -> str:
    """As it stands in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _check_port(host: str, port: int) -> None:
    """A taken port is told in a sentence; the server itself would print a traceback."""
    import socket

    try:
        # As the server does: a name may have several addresses, of both kinds.
        for family, *_, where in socket.getaddrinfo(
            host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((where[0], port, *where[2:]))
    except (OSError, OverflowError) as error:
        words = getattr(error, "strerror", None) or str(error)
        told = f"cannot listen on {_address(host, port)}: {words}. Choose another --port."
        raise SettingError(told) from None
