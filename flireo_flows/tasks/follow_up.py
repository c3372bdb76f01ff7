"""Tasks for flows that an event sets off: the lead it is about, and a note of the lead to follow up."""

import json
from pathlib import Path

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from flireo_flows.blocks import CallLedger
from flireo_flows.ledger import Database, LeadResult, Views
from flireo_flows.prefect_support.async_bridge import run_async


class NoSuchLeadError(Exception):
    """The ledger has no such lead. Names which, and what to do."""


@task(name="Flireo: read lead", tags={"flireo"}, cache_policy=NO_CACHE)
def read_lead(ledger: CallLedger, lead_id: int) -> LeadResult:
    """The lead an event is about, and what became of it so far: number, name, the columns of the file, analysis.

    Args:
        ledger: The record of who was called.
        lead_id: As `lead_id` of the event's payload.

    Raises:
        NoSuchLeadError: There is no such lead in this ledger.
        LedgerError: The ledger cannot be opened.
    """

    async def read() -> LeadResult | None:
        async with await Database.open(ledger.database_url(), existing=True) as database:
            return await Views(database).lead(lead_id)

    lead = run_async(read)
    if lead is None:
        raise NoSuchLeadError(
            f"lead {lead_id} is not in this ledger: take the ledger of the campaign that the event names."
        )
    return lead


@task(name="Flireo: note follow-up", tags={"flireo"}, cache_policy=NO_CACHE)
def note_follow_up(lead_id: int, lead: LeadResult, outcome: str, analysis: str, out: Path) -> Path:
    """Write a lead to follow up into a file of its own: `follow_ups/lead-<id>.json`. Doing it again changes nothing.

    Args:
        lead_id: The lead.
        lead: As the ledger has it.
        outcome: Of the call.
        analysis: The call's analysis, as JSON text; what is no JSON is kept as text.
        out: Folder of results; made if it is not there.

    Raises:
        ExportError: The file cannot be written; an earlier one is untouched.
    """
    from flireo_flows.analytics.files import explaining, local_path, replacing  # noqa: PLC0415 - pandas takes a second

    folder = local_path(out) / "follow_ups"
    with explaining(folder):
        folder.mkdir(parents=True, exist_ok=True)
    note = {
        "phone": lead.phone,
        "name": lead.name,
        "outcome": outcome or lead.outcome,
        "analysis": _read(analysis),
        "columns": dict(lead.columns),
    }
    path = folder / f"lead-{lead_id}.json"
    with replacing(path) as file:
        file.write(json.dumps(note, indent=2, ensure_ascii=False).encode())
    get_run_logger().info("follow-up of lead %d noted in %s", lead_id, path)
    return path


def _read(analysis: str) -> object:
    try:
        return json.loads(analysis)
    except ValueError:
        return analysis
