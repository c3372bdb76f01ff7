"""Make the automations of files in Prefect: its own format, with deployments and blocks by their names.

Prefect's own `prefect automation create --from-file` wants ids, which differ from server to server.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx
import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound
from pydantic import ValidationError

from flireo_flows.api.redaction import redact

SUFFIXES: Final = (".yaml", ".yml", ".json")


class AutomationError(Exception):
    """An automation cannot be made. Names the file, what is wrong, and what to do."""

    def __init__(self, file: str, problem: str) -> None:
        self.file, self.problem = file, problem
        super().__init__(file, problem)

    def __str__(self) -> str:
        return f"automation {self.file}: {self.problem}"


def automation_files(paths: Iterable[Path]) -> list[Path]:
    """The files that are named, and those of folders that are.

    Raises:
        AutomationError: There is no such file, or none in the folder.
    """
    found: list[Path] = []
    for path in paths:
        inside = sorted(it for it in path.glob("*") if it.suffix in SUFFIXES) if path.is_dir() else [path]
        if not inside or not inside[0].is_file():
            raise AutomationError(
                str(path), "there is no such file or folder of automations. `flireo-flows init` writes some."
            )
        found += inside
    return found


def make_automation(file: Path, notify: str = "") -> tuple[str, bool]:
    """Make the automation of a file at the Prefect server, or replace the one of its name.

    Args:
        file: YAML or JSON in Prefect's format; `deployment: FLOW/NAME` stands for `deployment_id`, and
            `block: TYPE/NAME` for `block_document_id`.
        notify: Block to notify, `TYPE/NAME`, in place of those the file names; empty keeps them.

    Returns:
        Its name, and whether it is new; False for one of its name that was replaced.

    Raises:
        AutomationError: The file is not one, what it names is not there, or Prefect does not take it.
    """
    document = _document(file)
    with _explaining(file), get_client(sync_client=True) as client:
        actions = [_action(client, file, action, notify) for action in _actions(document)]
        try:
            automation = AutomationCore.model_validate({**document, "actions": actions})
        except ValidationError as error:
            raise AutomationError(str(file), _first(error)) from None
        known = client.read_automations_by_name(automation.name)
        if known:
            client.update_automation(known[0].id, automation)
        else:
            client.create_automation(automation)
    return automation.name, not known


@contextmanager
def _explaining(file: Path) -> Iterator[None]:
    try:
        yield
    except httpx.HTTPStatusError as error:
        answer = redact(" ".join(error.response.text.split()))
        raise AutomationError(str(file), f"Prefect answers {error.response.status_code}: {answer}") from None
    except httpx.HTTPError as error:
        why = str(error) or type(error).__name__
        raise AutomationError(str(file), f"Prefect was not reached: {why}. Load it again.") from None


def _document(file: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))  # JSON is YAML, too
    except OSError as error:
        raise AutomationError(str(file), f"it cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise AutomationError(str(file), f"it is not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(document, dict) or not isinstance(document.get("name"), str):
        raise AutomationError(str(file), "it must be one automation, with a name, a trigger and actions")
    return document


def _actions(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    listed = document.get("actions")
    for action in listed if isinstance(listed, list) else ():
        if isinstance(action, Mapping):
            yield action


def _action(client: SyncPrefectClient, file: Path, action: Mapping[str, Any], notify: str) -> dict[str, Any]:
    """The action with ids for names."""
    given = dict(action)
    if (deployment := given.pop("deployment", None)) is not None:
        given |= {"source": "selected", "deployment_id": _deployment(client, file, str(deployment))}
    if (block := given.pop("block", None)) is not None:
        given["block_document_id"] = _block(client, file, notify or str(block))
    return given


def _deployment(client: SyncPrefectClient, file: Path, name: str) -> UUID:
    try:
        return client.read_deployment_by_name(name).id
    except (ObjectNotFound, ValueError):
        raise AutomationError(
            str(file), f"there is no deployment {name!r}. Make it first: prefect deploy --all"
        ) from None


def _block(client: SyncPrefectClient, file: Path, slug: str) -> UUID:
    kind, _, name = slug.partition("/")
    try:
        found = client.read_block_document_by_name(name, kind, include_secrets=False)
    except ObjectNotFound:
        raise AutomationError(
            str(file),
            f"there is no block {slug!r} to notify. Make one in the UI (Blocks, for example Slack Webhook), and say "
            "--notify TYPE/NAME, such as --notify slack-webhook/flireo.",
        ) from None
    return found.id


def _first(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(part) for part in first['loc']) or 'the file'}: {first['msg']}"
