"""Settings from the environment and from policy files, each checked with one clear sentence."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from flireo_flows.cli.user_errors import SettingError

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    from flireo_flows.api.client import Account
    from flireo_flows.api.fields import Dialect
    from flireo_flows.policy import CallingPolicy
    from flireo_flows.script import Script

_TEXT: Final = "tag:yaml.org,2002:str"
_MOMENT: Final = "tag:yaml.org,2002:timestamp"
_FIGURES: Final = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})


def read_document(file: Path, what: str, holds: str) -> dict[str, Any]:
    """The fields of a file; none for an empty one.

    Args:
        file: YAML or JSON.
        what: What kind of file it is, for errors.
        holds: What it must hold, for errors.

    Raises:
        SettingError: It cannot be read; names which, where, and what to do.
    """
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
        """YAML 1.1, but for what people mean as text and it takes for a figure or a moment."""

        def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
            tag = super().resolve(kind, value, implicit)
            return _TEXT if _is_meant_as_text(tag, value) else tag

    try:
        read = yaml.load(file.read_text(encoding="utf-8-sig"), Loader)  # noqa: S506 - a safe one
    except OSError as error:
        raise SettingError(f"{what} {file}: {error.strerror}. Check the path.") from None
    except RecursionError:
        raise SettingError(f"{what} {file}: its lists or fields are nested too deeply") from None
    # ValueError: not UTF-8, or a figure of thousands of digits.
    except (yaml.YAMLError, ValueError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = f", line {line + 1}" if line is not None else ""
        raise SettingError(f"{what} {file}{where}: this is not readable as YAML or JSON") from None
    if read is None:
        return {}
    if not isinstance(read, dict):
        raise SettingError(f"{what} {file}: it must hold {holds}")
    return read


def _is_meant_as_text(tag: str, value: Any) -> bool:
    """Whether what stands there without quotation marks is text to whoever wrote it.

    To YAML 1.1, `9:00` is 540, `+447700900001` a figure, and `2026-11-31` a date that fails to exist. Whoever
    reads the field knows what belongs there, and reports it by the field's name.
    """
    if tag == _MOMENT:
        return True
    return tag in _FIGURES and (value.startswith("+") or ":" in value)


Form = TypeVar("Form", bound="BaseModel")


def account() -> "Account":
    """Where to call and with which key: FLIREO_API_KEY, FLIREO_BASE_URL and FLIREO_DIALECT; without importing Prefect.

    Raises:
        SettingError: A variable is missing or wrong.
        NetworkSettingError: A variable of the environment keeps us from any server.
    """
    from flireo_flows.api.client import Account, check_api_key
    from flireo_flows.api.network import check_network

    check_network()
    key = os.environ.get("FLIREO_API_KEY", "").strip()
    if not key:
        raise SettingError(
            "FLIREO_API_KEY is not set. Make a key in the Flireo dashboard (Settings > API Keys) and export it."
        )
    try:
        key = check_api_key(key)
    except ValueError as error:
        raise SettingError(f"FLIREO_API_KEY: {error}") from None
    try:
        return Account(key, os.environ.get("FLIREO_BASE_URL", ""), dialect())
    except ValueError as error:
        raise SettingError(f"FLIREO_BASE_URL: {error}") from None


def dialect() -> "Dialect":
    """FLIREO_DIALECT."""
    from flireo_flows.api.fields import Dialect

    try:
        return Dialect(os.environ.get("FLIREO_DIALECT", "") or "flireo")
    except ValueError:
        raise SettingError("FLIREO_DIALECT must be flireo or hmsovereign") from None


def webhook_secret(listed: str) -> str:
    """The secret to sign with, of all that a receiver believes: the first; empty if there is none.

    Args:
        listed: FLIREO_WEBHOOK_SECRET, with spaces between several.
    """
    return next(iter(listed.split()), "")


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
        first = error.errors(include_input=False)[0]
        where = _where(first["loc"])
        problem = first_problem(error)
        if first["type"] == "extra_forbidden":
            problem = f"there is no such field. Fields are {', '.join(sorted(_known(model, first['loc'])))}"
        raise SettingError(f"{what} {named}: {where or 'the file'}: {problem}") from None


def first_problem(error: "ValidationError") -> str:
    """pydantic's words for the first problem, without the value: it could be a secret."""
    from flireo_flows.api.model import problems_in

    return problems_in(error)[0][1]


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


def prefect_api() -> str:
    """URL of the configured Prefect API; empty where none is configured.

    Prefect is only asked where something may configure it: importing it takes a second or two.

    Raises:
        SettingError: The configured API cannot be used.
    """
    home = Path(os.path.expanduser(os.environ.get("PREFECT_HOME") or "~/.prefect"))
    # Prefect documentation, "Settings and profiles": variables, .env, prefect.toml, pyproject.toml, the profiles.
    files = (home / "profiles.toml", Path(".env"), Path("prefect.toml"), Path("pyproject.toml"))
    names = ("PREFECT_API_URL", "PREFECT_PROFILE", "PREFECT_PROFILES_PATH")
    is_possible = any(map(os.environ.get, names)) or any(file.exists() for file in files)
    if not is_possible and "prefect" not in sys.modules:
        return ""
    from prefect.settings import PREFECT_API_URL

    configured = str(PREFECT_API_URL.value() or "")
    if configured:
        check_prefect(configured, "Without either, the run needs no Prefect.")
    return configured


def check_prefect(url: str, instead: str = "") -> None:
    """Ask the Prefect API for something that needs leave, as a run will.

    Args:
        url: Of PREFECT_API_URL or the Prefect profile.
        instead: What else the user can do, a sentence; empty for nothing.

    Raises:
        SettingError: It cannot be used. Explains why, and what to do.
        NetworkSettingError: A variable of the environment keeps us from any server.
    """
    import httpx

    from flireo_flows.api.network import check_network

    check_network()  # Prefect's client reads the same variables
    from prefect.client.orchestration import get_client

    try:
        with get_client(sync_client=True) as client:
            client.read_flows(limit=1)
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        why, advice = f"it answers {status}", "Check PREFECT_API_KEY, or PREFECT_API_AUTH_STRING."
        if status not in (401, 403):
            advice = "Check PREFECT_API_URL (or the Prefect profile); it mostly ends in /api."
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        why = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        advice = "Start that server, or correct PREFECT_API_URL (or the Prefect profile)."
    else:
        return
    sentence = f"the Prefect API at {_shown(url)} cannot be used: {why}. {advice} {instead}"
    raise SettingError(" ".join(sentence.split()))


def _shown(url: str) -> str:
    """The address, without a password that it may hold."""
    parts = urlsplit(url)
    return url if "@" not in parts.netloc else parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def address_of(host: str, port: int) -> str:
    """As it stands in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def check_port(host: str, port: int) -> None:
    """Report a taken port in a sentence; the server itself would print a traceback."""
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
        message = f"cannot listen on {address_of(host, port)}: {words}. Choose another --port."
        raise SettingError(message) from None
