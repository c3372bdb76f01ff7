"""`flireo-flows webhooks`: find a receiver, and serve it until it is stopped."""

import importlib.util
import logging
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from flireo_flows.cli.settings import address_of, check_port, ledger_url
from flireo_flows.cli.user_errors import SettingError

if TYPE_CHECKING:
    from flireo_flows.receiver import Receiver

STOP_SECONDS: Final = 15  # a request under way may take so long when the server is stopped; tools have 9


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
    agents, and an old and a new one that are valid together. GET /health shows whether the ledger answers,
    GET /metrics counts, for Prometheus. SIGTERM and Ctrl-C let requests under way be answered first.

    Where PREFECT_API_URL is set, the ledger's events are sent there, and an event is sent when reports wait.

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

    from flireo_flows.prefect_support.child_process import exit_with_parent

    exit_with_parent()
    receiver = load_receiver(app) if app else receiver_from_settings(unsigned=unsigned)
    check_port(host, port)
    asyncio.run(receiver.check())
    if os.environ.get("PREFECT_API_URL", "").strip():
        from flireo_flows.prefect_support.events import announce_forever

        receiver.run_beside(lambda: announce_forever(receiver.ledger_url))
    print(f"webhooks: http://{address_of(host, port)}/webhooks/flireo (Ctrl-C stops it)", flush=True)
    serve(receiver, host, port, log_json=log_json)
    return 0


def receiver_from_settings(*, unsigned: bool) -> "Receiver":
    """The receiver that the environment describes.

    Raises:
        SettingError: There is no secret, and unsigned deliveries are not to be taken.
    """
    from flireo_flows.receiver import Receiver

    secrets = os.environ.get("FLIREO_WEBHOOK_SECRET", "").split()
    if not secrets and not unsigned:
        raise SettingError(
            "FLIREO_WEBHOOK_SECRET is not set, so a forged report could not be recognised. Set it to "
            "the agent's webhook_secret, or give --unsigned on a machine of your own."
        )
    return Receiver(ledger_url(), secrets, allow_unsigned=not secrets)


def load_receiver(named: str) -> "Receiver":
    """A receiver of the user's own.

    Args:
        named: `MODULE:NAME` or `FILE.py:NAME`.

    Raises:
        SettingError: It cannot be found, or is none.
    """
    from flireo_flows.receiver import Receiver

    where, colon, name = named.rpartition(":")
    if not colon or not where or not name or (where.startswith(".") and not where.endswith(".py")):
        raise SettingError(f"--app {named}: write MODULE:NAME or FILE.py:NAME, such as tools.py:receiver.")
    try:
        module = _from_file(Path(where), named) if where.endswith(".py") else _from_path(where, named)
    except SyntaxError as error:
        place = f"{error.filename}, line {error.lineno}"
        raise SettingError(f"--app {named}: {place}: this is no Python: {error.msg}. Correct that.") from None
    found = getattr(module, name, None)
    if not isinstance(found, Receiver):
        kind = "there is no such name" if found is None else f"{name} is a {type(found).__name__}"
        raise SettingError(f"--app {named}: {kind}. It has to be a flireo_flows.receiver.Receiver.")
    return found


def _from_file(file: Path, named: str) -> ModuleType:
    if not file.is_file():
        raise SettingError(f"--app {named}: there is no file {file}. Check the path.")
    sys.path.insert(0, str(file.parent.resolve()))  # as when Python runs it: it finds what lies beside it
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise SettingError(f"--app {named}: {file} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module  # so that annotations written as text are found
    spec.loader.exec_module(module)
    return module


def _from_path(where: str, named: str) -> ModuleType:
    sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(where)
    except ModuleNotFoundError as error:
        if error.name is None or not (where == error.name or where.startswith(f"{error.name}.")):
            raise  # it is there, and something that it needs is not: its traceback shows what
        raise SettingError(f"--app {named}: there is no module {where} here. Check the name.") from None


def serve(receiver: "Receiver", host: str, port: int, *, log_json: bool) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are answered first."""
    import uvicorn

    if log_json:
        _log_json()
    uvicorn.run(
        receiver.app,
        host=host,
        port=port,
        log_config=None if log_json else uvicorn.config.LOGGING_CONFIG,
        log_level="warning",
        access_log=False,
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )


def _log_json() -> None:
    """Everything that is logged, to standard error, a line of JSON each; every delivery too."""
    from flireo_flows.receiver.logs import JsonFormatter

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("flireo_flows.receiver").setLevel(logging.INFO)
