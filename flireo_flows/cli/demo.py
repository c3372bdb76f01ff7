"""`flireo-flows demo`: the main job on embedded defaults, with no account and no network."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

if TYPE_CHECKING:
    from flireo_flows.flows import CampaignSummary

START_SECONDS: Final = 60.0
CAMPAIGN: Final = "demo"


@dataclass(frozen=True, slots=True)
class DemoServers:
    """The servers of a demo."""

    sandbox: str
    prefect: str
    ledger: str
    secret: str

    @property
    def ui(self) -> str:
        """Address of the Prefect UI."""
        return self.prefect.removesuffix("/api")


def demo(*, stay: Annotated[bool, Parameter(negative=())] = False, out: Path | None = None) -> int:
    """Show the main job end to end: a sample file of leads, a local Flireo, a local Prefect, the results.

    Calls no one: a sandbox answers instead of Flireo. Takes about a minute and leaves no process behind.

    Parameters
    ----------
    stay
        Keep the servers up afterwards and print the address of the run in the Prefect UI; Ctrl-C ends it.
    out
        Folder for the results; a new one under results/ by default.
    """
    import tempfile

    from flireo_flows.cli.run import check_out, show
    from flireo_flows.prefect_support.child_process import until_exit

    folder = out or Path("results") / f"demo-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    check_out(folder)
    began = time.monotonic()
    home = until_exit(tempfile.TemporaryDirectory(prefix="flireo-demo-", ignore_cleanup_errors=True))
    stage = until_exit(_stage(folder, Path(home)))
    summary, run_id = _run(stage, folder)
    show(summary)
    say(
        f"done in {time.monotonic() - began:.0f} seconds. No one was called: the sandbox stood in for Flireo."
    )
    if stay:
        _stay(stage, run_id)
    return 0 if summary.is_finished else 3


@contextmanager
def _stage(folder: Path, home: Path) -> Iterator[DemoServers]:
    """A sandbox, a webhook receiver and a Prefect server, each a process of its own, on free ports."""
    import secrets

    from flireo_flows.prefect_support.child_process import child_server
    from flireo_flows.prefect_support.local_server import free_port, prefect_server

    say("starting a sandbox (a local Flireo), a webhook receiver and a Prefect server ...")
    secret, ledger = f"whsec_{secrets.token_hex(16)}", f"sqlite:///{(folder / 'ledger.db').absolute()}"
    api_port, hooks_port = free_port(), free_port()
    hooks = f"http://127.0.0.1:{hooks_port}"
    sandbox = f"http://127.0.0.1:{api_port}"
    pace = ["--time-scale", "40", "--rate-window-seconds", "20"]  # three times the real pace
    env = {"FLIREO_WEBHOOK_SECRET": secret, "FLIREO_LEDGER_URL": ledger, "FLIREO_DIALECT": ""}
    with ExitStack() as stack:
        arguments = ["flireo_flows.cli", "sandbox", "--port", str(api_port), *pace]
        arguments += ["--webhook-url", f"{hooks}/webhooks/flireo"]
        log = home / "sandbox.log"
        stack.enter_context(
            child_server("the sandbox", arguments, f"{sandbox}/sandbox/health", START_SECONDS, log, **env)
        )
        arguments = ["flireo_flows.cli", "webhooks", "--port", str(hooks_port)]
        log = home / "webhooks.log"
        stack.enter_context(
            child_server("the webhook receiver", arguments, f"{hooks}/health", START_SECONDS, log, **env)
        )
        # Prefect's home is the demo's own, so that nothing of it stays in the user's history.
        prefect = stack.enter_context(prefect_server(home / "prefect.log", home / "prefect"))
        os.environ["PREFECT_HOME"] = str(home / "prefect")
        yield DemoServers(f"{sandbox}/api/v1", prefect, ledger, secret)


def _run(stage: DemoServers, folder: Path) -> tuple["CampaignSummary", str]:
    """Save the blocks, then run the flow with them, as a deployment would."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flireo_flows.blocks import CallLedger, FlireoCredentials, FlireoPhoneNumber
    from flireo_flows.cli.run import quiet_console
    from flireo_flows.cli.template import template
    from flireo_flows.flows import outbound_campaign
    from flireo_flows.leads import LeadFormat
    from flireo_flows.policy import CallingPolicy

    quiet_console()
    with temporary_settings({PREFECT_API_URL: stage.prefect}):
        _save_blocks(stage)
        say(f"blocks saved; the Prefect UI is at {stage.ui}")
        flows = template() / "flows"
        state = outbound_campaign(
            leads=str(flows / "leads.csv"),
            campaign=CAMPAIGN,
            agent_id="demo-agent",
            credentials=FlireoCredentials.load("demo"),
            ledger=CallLedger.load("demo"),
            number=FlireoPhoneNumber.load("demo"),
            # The sandbox calls no one, so the hour does not matter.
            policy=CallingPolicy(calling_hours=None, poll_seconds=3, reconcile_grace_seconds=5),
            lead_format=LeadFormat(default_region="NL"),
            do_not_call=str(flows / "do_not_call.txt"),
            out=str(folder),
            return_state=True,
        )
        return state.result(), str(state.state_details.flow_run_id)


def _save_blocks(stage: DemoServers) -> None:
    from pydantic import SecretStr

    from flireo_flows.blocks import CallLedger, FlireoCredentials, FlireoPhoneNumber

    FlireoCredentials(
        api_key=SecretStr("fl_test_demo"), base_url=stage.sandbox, webhook_secret=SecretStr(stage.secret)
    ).save("demo", overwrite=True)
    FlireoPhoneNumber(number_id="demo-number", phone_number="+31850835037", used_for="the demo").save(
        "demo", overwrite=True
    )
    CallLedger(url=SecretStr(stage.ledger)).save("demo", overwrite=True)


def _stay(stage: DemoServers, run_id: str) -> None:
    say(f"this run in the Prefect UI: {stage.ui}/runs/flow-run/{run_id}")
    say(f"sandbox: {stage.sandbox}. Ctrl-C ends the servers.")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        say("stopping the servers ...")


def say(words: str) -> None:
    """One line of progress on standard error."""
    print(f"demo: {words}", file=sys.stderr, flush=True)
