"""Find a receiver, and serve it until it is told to stop."""

import importlib
import importlib.util
import logging
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

import uvicorn

from flireo_flows.cli.settings import ledger_url
from flireo_flows.cli.user_errors import SettingError
from flireo_flows.receiver import Receiver
from flireo_flows.receiver.logs import JsonFormatter

STOP_SECONDS: Final = 15  # a request under way may take so long when the server is told to stop; tools have 9


def receiver_from_settings(*, unsigned: bool) -> Receiver:
    """The receiver that the environment describes.

    Raises:
        SettingError: There is no secret, and unsigned deliveries are not to be taken.
    """
    secrets = os.environ.get("FLIREO_WEBHOOK_SECRET", "").split()
    if not secrets and not unsigned:
        raise SettingError(
            "FLIREO_WEBHOOK_SECRET is not set, so nobody could tell a forged report from a true one. Set it to "
            "the agent's webhook_secret, or say --unsigned on a machine of your own."
        )
    return Receiver(ledger_url(), secrets, allow_unsigned=not secrets)


def load_receiver(named: str) -> Receiver:
    """A receiver of the user's own.

    Args:
        named: `MODULE:NAME` or `FILE.py:NAME`.

    Raises:
        SettingError: It cannot be found, or is none.
    """
    where, colon, name = named.rpartition(":")
    if not colon or not where or not name or (where.startswith(".") and not where.endswith(".py")):
        raise SettingError(f"--app {named}: say MODULE:NAME or FILE.py:NAME, such as tools.py:receiver.")
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
            raise  # it is there, and something that it needs is not: its traceback tells
        raise SettingError(f"--app {named}: there is no module {where} here. Check the name.") from None


def serve(receiver: Receiver, host: str, port: int, *, log_json: bool) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are answered first."""
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
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("flireo_flows.receiver").setLevel(logging.INFO)
