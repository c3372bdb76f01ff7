"""State files of the sandbox, read with one clear sentence for whatever is wrong in them."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flireo_flows.cli.documents import read_document
from flireo_flows.cli.settings import webhook_secret
from flireo_flows.cli.user_errors import SettingError

if TYPE_CHECKING:
    from pydantic import ValidationError

    from flireo_flows.sandbox.state import SandboxState

# What a file and the command line leave open, the environment may say.
_ENVIRONMENT: Final = {"dialect": "FLIREO_DIALECT", "webhook_secret": "FLIREO_WEBHOOK_SECRET"}


def read_state(file: Path | None, options: dict[str, Any]) -> "SandboxState":
    """The state that a sandbox begins with.

    Args:
        file: YAML or JSON; None for a new sandbox.
        options: Settings of the command line, which win over those of the file.

    Raises:
        SettingError: The file cannot be read, or it or an option is wrong. Says where, and what to do.
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

    told = error.errors(include_input=False, include_url=False)[0]
    place = [str(part) for part in told["loc"]]
    if len(place) > 1 and place[0] == "settings" and place[1] in options:
        return f"--{place[1].replace('_', '-')}: {first_problem(error)}"
    if file is None and place[-1] in _ENVIRONMENT:
        return f"{_ENVIRONMENT[place[-1]]}: {first_problem(error)}"
    problem = first_problem(error)
    if told["type"] == "extra_forbidden" and len(place) <= 2:
        known = SandboxSettings if place[0] == "settings" else SandboxState
        problem = f"there is no such field. Fields are {', '.join(sorted(known.model_fields))}"
    return f"state {file}: {'.'.join(map(redact, place))}: {problem}"
