"""Settings from the environment and from policy files, each checked with one clear sentence."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from flireo_flows.cli.documents import read_document
from flireo_flows.cli.user_errors import SettingError

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    from flireo_flows.blocks import CallLedger, FlireoCredentials
    from flireo_flows.policy import CallingPolicy
    from flireo_flows.script import Script

Form = TypeVar("Form", bound="BaseModel")


def credentials() -> "FlireoCredentials":
    """FLIREO_API_KEY, FLIREO_BASE_URL, FLIREO_DIALECT and FLIREO_WEBHOOK_SECRET as a block."""
    from pydantic import SecretStr, ValidationError

    from flireo_flows.api.dialect import Dialect
    from flireo_flows.api.network import check_network
    from flireo_flows.blocks import FlireoCredentials

    check_network()
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
            webhook_secret=SecretStr(webhook_secret(os.environ.get("FLIREO_WEBHOOK_SECRET", ""))),
        )
    except ValidationError as error:
        names = {"api_key": "FLIREO_API_KEY", "base_url": "FLIREO_BASE_URL"}
        field = str(error.errors(include_input=False)[0]["loc"][0])
        raise SettingError(f"{names.get(field, field)}: {first_problem(error)}") from None
    except ValueError:
        raise SettingError("FLIREO_DIALECT must be flireo or hmsovereign") from None


def webhook_secret(listed: str) -> str:
    """The secret to sign with, of all that a receiver believes: the first; empty if there is none.

    Args:
        listed: FLIREO_WEBHOOK_SECRET, with spaces between several.
    """
    return next(iter(listed.split()), "")


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


def policy(named: str, *, any_hour: bool) -> "CallingPolicy":
    """The policy of a YAML or JSON file, or a preset by its name; the default one where none is named."""
    from flireo_flows.policy import CallingPolicy, policy_problem, preset, preset_names

    if named in preset_names() and not Path(named).exists():
        read = preset(named)
    else:
        read = _form(CallingPolicy, "policy", named, _policy_fields(named))
    if problem := policy_problem(read):
        raise SettingError(f"policy {named or 'of this run'}: {problem}")
    return read.model_copy(update={"calling_hours": None}) if any_hour else read


def script(file: Path | None) -> "Script":
    """The script of a YAML or JSON file; without a file the empty one, in which the agent says its own words."""
    from flireo_flows.script import Script

    fields = read_document(file, "script", "fields, such as `first_message: Hi {{ name }}!`") if file else {}
    return _form(Script, "script", str(file), fields)


def _policy_fields(named: str) -> dict[str, object]:
    from flireo_flows.policy import preset_names

    if not named:
        return {}
    if not Path(named).exists() and not Path(named).suffix:
        known = ", ".join(preset_names())
        raise SettingError(f"policy {named}: there is no such file and no such preset. Presets are {known}.")
    return read_document(Path(named), "policy", "fields, such as `max_attempts: 2`")


def _form(model: type[Form], what: str, named: str, fields: dict[str, object]) -> Form:
    """A form that people fill in, read from a file; the first problem is named by its place."""
    from pydantic import ValidationError

    try:
        return model.model_validate(fields)
    except ValidationError as error:
        told = error.errors(include_input=False)[0]
        where = _where(told["loc"])
        problem = first_problem(error)
        if told["type"] == "extra_forbidden":
            problem = f"there is no such field. Fields are {', '.join(sorted(_known(model, told['loc'])))}"
        raise SettingError(f"{what} {named}: {where or 'the file'}: {problem}") from None


def first_problem(error: "ValidationError") -> str:
    """What pydantic says of the first problem, without the value: it could be a secret."""
    told = error.errors(include_input=False, include_url=False)[0]
    return str(told["msg"]).removeprefix("Value error, ")


def _where(place: tuple[int | str, ...]) -> str:
    """The place of a field, as a person finds it: the rules of a table are counted from 1."""
    match place:
        case ("outcomes", int(index), *rest):
            return ": ".join(filter(None, (f"outcomes, rule {index + 1}", _where(tuple(rest)))))
        case _:
            return ".".join(str(part) for part in place)


def _known(model: type["BaseModel"], place: tuple[int | str, ...]) -> list[str]:
    """The fields of the form in which a field stands that there is not."""
    schema = model.model_json_schema()
    here: dict[str, Any] = schema
    for part in place[:-1]:
        here = here.get("items", {}) if isinstance(part, int) else here.get("properties", {}).get(part, {})
        choices = [here, *here.get("allOf", ()), *here.get("anyOf", ())]
        if reference := next((choice["$ref"] for choice in choices if "$ref" in choice), ""):
            here = schema["$defs"][reference.rpartition("/")[2]]
    return list(here.get("properties", {}))
