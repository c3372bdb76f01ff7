"""Settings from the environment and from policy files, each checked with one clear sentence."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from flireo_flows.cli.documents import read_document
from flireo_flows.cli.problems import SettingError

if TYPE_CHECKING:
    from pydantic import ValidationError

    from flireo_flows.blocks import CallLedger, FlireoCredentials
    from flireo_flows.calling.policy import CallingPolicy


def credentials() -> "FlireoCredentials":
    """FLIREO_API_KEY, FLIREO_BASE_URL, FLIREO_DIALECT and FLIREO_WEBHOOK_SECRET as a block."""
    from pydantic import SecretStr, ValidationError

    from flireo_flows.api.dialect import Dialect
    from flireo_flows.blocks import FlireoCredentials

    key = os.environ.get("FLIREO_API_KEY", "").strip()
    if not key:
        raise SettingError(
            "FLIREO_API_KEY is not set. Make a key in the Flireo dashboard (Settings > API Keys) and export it."
        )
    try:
        return FlireoCredentials(
            api_key=SecretStr(key),
            base_url=os.environ.get("FLIREO_BASE_URL", ""),
            dialect=Dialect(os.environ.get("FLIREO_DIALECT", "") or "flireo"),
            webhook_secret=SecretStr(os.environ.get("FLIREO_WEBHOOK_SECRET", "")),
        )
    except ValidationError as error:
        names = {"api_key": "FLIREO_API_KEY", "base_url": "FLIREO_BASE_URL"}
        field = str(error.errors(include_input=False)[0]["loc"][0])
        raise SettingError(f"{names.get(field, field)}: {first_problem(error)}") from None
    except ValueError:
        raise SettingError("FLIREO_DIALECT must be flireo or hmsovereign") from None


def ledger() -> "CallLedger":
    """FLIREO_LEDGER_URL as a block."""
    from pydantic import SecretStr

    from flireo_flows.blocks import CallLedger

    return CallLedger(url=SecretStr(os.environ.get("FLIREO_LEDGER_URL", "")))


def ledger_url() -> str:
    """FLIREO_LEDGER_URL, or the SQLite file in the user's data directory; without importing Prefect."""
    import platformdirs

    default = platformdirs.user_data_path("flireo-flows", appauthor=False) / "ledger.db"
    return os.environ.get("FLIREO_LEDGER_URL", "").strip() or f"sqlite:///{default}"


def policy(file: Path | None, *, any_hour: bool) -> "CallingPolicy":
    """The policy of a YAML or JSON file; the default one without a file."""
    from pydantic import ValidationError

    from flireo_flows.calling.policy import CallingPolicy

    fields = read_document(file, "policy", "fields, such as `max_attempts: 2`") if file else {}
    try:
        read = CallingPolicy.model_validate(fields)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
        kind = error.errors(include_input=False)[0]["type"]
        problem = first_problem(error)
        if kind == "extra_forbidden":
            problem = f"there is no such field. Fields are {', '.join(sorted(_known(where)))}"
        raise SettingError(f"policy {file}: {where or 'the file'}: {problem}") from None
    return read.model_copy(update={"calling_hours": None}) if any_hour else read


def first_problem(error: "ValidationError") -> str:
    """What pydantic says of the first problem, without the value: it could be a secret."""
    told = error.errors(include_input=False, include_url=False)[0]
    return str(told["msg"]).removeprefix("Value error, ")


def _known(where: str) -> list[str]:
    from flireo_flows.calling.policy import CallingHours, CallingPolicy

    model = CallingHours if where.startswith("calling_hours.") else CallingPolicy
    return list(model.model_fields)
