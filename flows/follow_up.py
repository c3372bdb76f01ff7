"""What to do after a call: edit it, and let an automation run it with the call's data."""

from pathlib import Path
from typing import Annotated

from prefect import flow
from pydantic import Field

from flireo_flows.blocks import CallLedger
from flireo_flows.tasks.follow_up import note_follow_up, read_lead


@flow(name="follow-up")
def follow_up(
    lead_id: Annotated[int, Field(ge=1, title="Lead")],
    ledger: CallLedger,
    outcome: Annotated[str, Field(title="Outcome")] = "",
    analysis: Annotated[str, Field(title="Analysis (JSON)")] = "{}",
    out: Annotated[str, Field(min_length=1, title="Folder")] = "results",
) -> None:
    """Note who is to be followed up after a call, with what the call's analysis says. Running it twice is safe.

    Args:
        lead_id: The lead, as the event flireo.call.ended names it; the ledger knows the number.
        ledger: The record of who was called.
        outcome: Of the call.
        analysis: What the call's analysis says, as JSON text.
        out: Folder of results; the note is its follow_ups/lead-<id>.json.
    """
    lead = read_lead(ledger, lead_id)
    note_follow_up(lead_id, lead, outcome, analysis, Path(out))
