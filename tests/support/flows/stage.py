"""What a flow needs around it: leads in a folder, a ledger, a sandbox, and the flow itself."""

import csv
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr

from flireo_flows.blocks import CallLedger, FlireoCredentials, FlireoPhoneNumber
from flireo_flows.flows import outbound_campaign
from flireo_flows.policy import CallingPolicy
from tests.support.prefect_api import ask
from tests.support.sandbox.running import RunningSandbox

# Numbers that Ofcom keeps for fiction, and that are valid.
ANNA, BEN, CARLA = "+442079460001", "+442079460002", "+442079460003"
PEOPLE = {ANNA: "Anna", BEN: "Ben", CARLA: "Carla"}
# At any hour, and quick.
POLICY = CallingPolicy(
    calling_hours=None, max_concurrent_calls=100, poll_seconds=0.5, reconcile_grace_seconds=1
)

T = TypeVar("T")


def patiently(find: Callable[[], T | None], seconds: float = 120) -> T:
    """What `find` finds, looked for a few times a second: other processes need the time."""
    end = time.monotonic() + seconds
    while not (found := find()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.3)
    return found


@dataclass
class Stage:
    """A campaign that can be run.

    Attributes:
        changes: Parameters of the flow that are not the usual ones.
    """

    folder: Path
    sandbox: RunningSandbox
    flow: Any = outbound_campaign
    ledger_url: str = ""
    key: str = "sandbox-key"
    webhook_secret: str = ""
    changes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ledger_url = self.ledger_url or f"sqlite:///{self.folder / 'ledger.db'}"
        self.write_leads(PEOPLE)

    @property
    def credentials(self) -> FlireoCredentials:
        """A key of the sandbox."""
        return FlireoCredentials(
            api_key=SecretStr(self.key),
            base_url=self.sandbox.base_url,
            webhook_secret=SecretStr(self.webhook_secret),
        )

    def write_leads(self, people: dict[str, str]) -> None:
        """The file of leads."""
        rows = [f"{name},{phone},Leeds" for phone, name in people.items()]
        (self.folder / "leads.csv").write_text("\n".join(["name,phone,city", *rows, ""]))

    def parameters(self, **changes: Any) -> dict[str, Any]:
        """The flow's parameters."""
        usual = {
            "leads": str(self.folder / "leads.csv"),
            "campaign": "spring",
            "agent_id": "demo-agent",
            "credentials": self.credentials,
            "ledger": CallLedger(url=SecretStr(self.ledger_url)),
            "number": FlireoPhoneNumber(number_id="demo-number"),
            "policy": POLICY,
            "out": str(self.folder / "results"),
        }
        return {**usual, **self.changes, **changes}

    def run(self, **changes: Any) -> Any:
        """Run the flow here. Returns what the flow does."""
        return self.flow(**self.parameters(**changes))

    def results(self) -> dict[str, dict[str, str]]:
        """`results.csv` by number."""
        with (self.folder / "results" / "results.csv").open(encoding="utf-8", newline="") as file:
            return {row["phone"]: row for row in csv.DictReader(file)}

    def called(self) -> Counter[str]:
        """How often each number was called."""
        return Counter(call["destination"] for call in self.sandbox.placed_calls())


@dataclass
class Stored:
    """What the Prefect server has stored, read through its API."""

    url: str

    def everything_of(self, flow_run_id: str) -> dict[str, list[dict[str, Any]]]:
        """The run, its tasks, states, log, artifacts and events."""
        by_run = {"flow_runs": {"id": {"any_": [flow_run_id]}}}
        by_id = {"flow_run_id": {"any_": [flow_run_id]}}
        related = {"filter": {"related": {"id": [f"prefect.flow-run.{flow_run_id}"]}}}
        return {
            "flow runs": self._all("flow_runs", by_run),
            "states": self._get("flow_run_states", flow_run_id=flow_run_id),
            "task runs": self._all("task_runs", by_run),
            "log": self._all("logs", {"logs": by_id}),
            "artifacts": self._all("artifacts", {"artifacts": by_id}),
            "events": self._post("events/filter", related)["events"],
        }

    def log(self, flow_run_id: str) -> str:
        """The log of a run."""
        by_id = {"logs": {"flow_run_id": {"any_": [flow_run_id]}}}
        return "\n".join(row["message"] for row in self._all("logs", by_id))

    def run(self, flow_run_id: str) -> dict[str, Any]:
        """A flow run."""
        run: dict[str, Any] = self._all("flow_runs", {"flow_runs": {"id": {"any_": [flow_run_id]}}})[0]
        return run

    def _all(self, what: str, body: dict[str, Any]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._post(f"{what}/filter", body)
        return rows

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return ask(self.url, "POST", path, body)

    def _get(self, path: str, **query: str) -> Any:
        return ask(self.url, "GET", f"{path}/", **query)
