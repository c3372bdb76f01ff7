"""`flireo-flows sandbox`: a local Flireo, and the state file it starts from."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flireo_flows.cli.settings import address_of, check_port, read_document, webhook_secret
from flireo_flows.cli.user_errors import SettingError

if TYPE_CHECKING:
    from pydantic import ValidationError

    from flireo_flows.sandbox.state import SandboxState

# What a file and the command line leave open, the environment may say.
_ENVIRONMENT: Final = {"dialect": "FLIREO_DIALECT", "webhook_secret": "FLIREO_WEBHOOK_SECRET"}


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
    """Run a local Flireo: the whole API over real HTTP. Calls no one.

    For demos, for tests, and for trying out leads, a policy or a webhook
    receiver before real people are called. Calls ring, are answered or not, end,
    are summarised and reported. All of it is in memory, and gone at the end.

    Base URL: http://127.0.0.1:8099/api/v1 (FLIREO_BASE_URL). Any API key will
    do. There is an agent, demo-agent, and a number, demo-number, so that a
    first call just works. Calls run at the pace of --time-scale. Who answers
    follows from --seed, or from a script by phone number. Agents' webhooks are
    sent; FLIREO_WEBHOOK_SECRET signs those of the demo agent.

    What no real platform shows or does is under http://127.0.0.1:8099/sandbox,
    without a key:

    - GET /sandbox lists what there is; GET /sandbox/calls the calls it placed.
    - POST /sandbox/inbound simulates an inbound call.
    - POST /sandbox/faults lets requests fail, /sandbox/settings changes the rest.
    - POST /sandbox/reset goes back to the beginning.
    - GET /sandbox/state is the present state, as a file for --state.

    Agents, numbers, campaigns, scripted outcomes, faults and every other
    setting come from the file of --state; docs/sandbox.md of the project has
    them all, and what the vendor documents and what is assumed.

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
    from flireo_flows.prefect_support.child_process import exit_with_parent
    from flireo_flows.sandbox.server import make_server
    from flireo_flows.sandbox.state import StateError

    exit_with_parent()
    check_port(host, port)
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
        server = make_server(read.settings, host, port, read)
    except StateError as error:
        raise SettingError(f"state {state}: {error}. Correct that, and start again.") from None
    print(f"sandbox: http://{address_of(host, port)}/api/v1 (calls no one; Ctrl-C stops it)", flush=True)
    server.run()
    return 0


def read_state(file: Path | None, options: dict[str, Any]) -> "SandboxState":
    """The state that a sandbox begins with.

    Args:
        file: YAML or JSON; None for a new sandbox.
        options: Settings of the command line, which win over those of the file.

    Raises:
        SettingError: The file cannot be read, or it or an option is wrong. Names where, and what to do.
    """
    from pydantic import ValidationError

    from flireo_flows.sandbox.state import SandboxState

    document = read_document(file, "state", "sections, such as `agents:` or `settings:`") if file else {}
    settings = document.get("settings") or {}
    if not isinstance(settings, dict):
        raise SettingError(f"state {file}: settings: it must hold fields, such as `time_scale: 20`")
    environment = {name: os.environ.get(variable, "") for name, variable in _ENVIRONMENT.items()}
    environment["webhook_secret"] = webhook_secret(environment["webhook_secret"])
    defaults = {name: value for name, value in environment.items() if value}
    try:
        return SandboxState.model_validate({**document, "settings": {**defaults, **settings, **options}})
    except ValidationError as error:
        raise SettingError(_sentence(error, file, options)) from None


def _sentence(error: "ValidationError", file: Path | None, options: dict[str, Any]) -> str:
    from flireo_flows.api.redaction import redact
    from flireo_flows.cli.settings import first_problem
    from flireo_flows.sandbox.settings import SandboxSettings
    from flireo_flows.sandbox.state import SandboxState

    first = error.errors(include_input=False, include_url=False)[0]
    place = [str(part) for part in first["loc"]]
    if len(place) > 1 and place[0] == "settings" and place[1] in options:
        return f"--{place[1].replace('_', '-')}: {first_problem(error)}"
    if file is None and place[-1] in _ENVIRONMENT:
        return f"{_ENVIRONMENT[place[-1]]}: {first_problem(error)}"
    problem = first_problem(error)
    if first["type"] == "extra_forbidden" and len(place) <= 2:
        known = SandboxSettings if place[0] == "settings" else SandboxState
        problem = f"there is no such field. Fields are {', '.join(sorted(known.model_fields))}"
    return f"state {file}: {'.'.join(map(redact, place))}: {problem}"
