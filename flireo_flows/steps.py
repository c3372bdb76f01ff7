"""The Prefect tasks of a campaign: import, call, wait, export. Thin skins over leads, calling and analytics.

A run of thousands of calls is a few task runs: one task drives the engine and shows what it does. Every step
may be repeated, retried, cancelled or killed: the ledger knows who was rung, Prefect's state does not.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from pydantic import BaseModel, ConfigDict

from flireo_flows.api.redaction import mask_phone
from flireo_flows.blocks import CallLedger, FlireoCredentials, FlireoPhoneNumber
from flireo_flows.calling.account import Caller, Readiness
from flireo_flows.calling.engine import Engine, Ran
from flireo_flows.calling.ledger import CampaignStatus, Database, LeadBook, LeadResult, OpenLead, Views
from flireo_flows.calling.policy import CallingPolicy
from flireo_flows.calling.turns import Until
from flireo_flows.driving import drive
from flireo_flows.leads import LeadFormat, read_do_not_call, read_leads, write_rejects
from flireo_flows.showing import ProgressBoard, show_tables

MOST_SHOWN: Final = 20  # leads that a summary lists one by one
MOST_CALLS_SHOWN: Final = 200  # the UI's list of artifacts loads every row of every table


class NoLeads(Exception):
    """No row of the file is a lead."""


class CampaignStopped(Exception):
    """The campaign could not go on. Says why; what was rung and heard is kept, and the next run continues."""


@dataclass(frozen=True, slots=True)
class CampaignRun:
    """Everything the steps of one run share.

    Attributes:
        campaign: Attempts are counted under this name; the same name resumes.
        agent_id: The saved agent that speaks.
        deadline: Unix seconds at which the run ends in any case; None for no such time.
    """

    campaign: str
    agent_id: str
    credentials: FlireoCredentials
    ledger: CallLedger
    number: FlireoPhoneNumber | None = None
    policy: CallingPolicy = field(default_factory=CallingPolicy)
    out: Path = Path("results")
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file gave: the name of its set of people, and how many rows were none."""

    batch: str
    leads: int
    rejects: int
    rejects_file: Path


class CampaignSummary(BaseModel):
    """How a campaign stands at the end of a run.

    Attributes:
        leads: Leads of the file.
        final: Those that are done, skipped, or put up for review.
        states: All leads of the campaign by state.
        outcomes: Leads by the outcome of their last call.
        reasons: Leads that are not done, by state and reason.
        open: Some of the leads that are not final, with why.
        rejects: Rows that are no leads.
        timed_out: Whether the deadline ended the run.
        files: What was written.
    """

    model_config = ConfigDict(frozen=True)

    campaign: str
    leads: int
    final: int
    states: Mapping[str, int]
    outcomes: Mapping[str, int]
    reasons: Mapping[str, int]
    open: tuple[str, ...] = ()
    rejects: int = 0
    timed_out: bool = False
    files: tuple[str, ...] = ()

    @property
    def is_finished(self) -> bool:
        """Every lead is final."""
        return self.final == self.leads


def start_run(
    campaign: str,
    agent_id: str,
    credentials: FlireoCredentials,
    ledger: CallLedger,
    number: FlireoPhoneNumber | None,
    policy: CallingPolicy,
    out: str,
    deadline_seconds: int,
) -> CampaignRun:
    """Bundle what the steps share, and start the clock of the deadline.

    Args:
        deadline_seconds: Seconds from now; 0 for no deadline.
    """
    deadline = time.time() + deadline_seconds if deadline_seconds else None
    return CampaignRun(campaign, agent_id, credentials, ledger, number, policy, Path(out), deadline)


@task(name="Flireo: import leads", tags={"flireo"}, cache_policy=NO_CACHE)
def import_leads(run: CampaignRun, leads: str, lead_format: LeadFormat, do_not_call: str = "") -> Imported:
    """Check and normalise a file of leads, and write them into the ledger. Safe to repeat.

    Args:
        run: The run.
        leads: CSV or Excel file, one person a row.
        lead_format: How to read it.
        do_not_call: File of numbers that are not to be rung; empty for none.

    Raises:
        LeadFileError: A file cannot be read; says what, where, and what to do.
        NoLeads: Every row is a reject.
        LedgerError: The ledger cannot be opened.
    """
    logger = get_run_logger()
    forbidden = read_do_not_call(Path(do_not_call), lead_format.default_region) if do_not_call else None
    batch = read_leads(Path(leads), lead_format, forbidden or frozenset())
    rejects_file = run.out / "rejects.csv"
    write_rejects(batch.rejects, rejects_file, batch.columns)
    logger.info("%s: %d leads, %d rejects (%s)", leads, len(batch.leads), len(batch.rejects), rejects_file)
    if not batch.leads:
        raise NoLeads(
            f"no row of {leads} is a lead; {rejects_file} says why of each. Mend them and run again."
        )

    async def write() -> str:
        async with await Database.open(run.ledger.database_url()) as database:
            book = LeadBook(database, run.campaign)
            if forbidden is not None:
                await book.forbid(forbidden)
            return await book.take_in(batch.leads)

    return Imported(drive(write), len(batch.leads), len(batch.rejects), rejects_file)


@task(name="Flireo: call leads", tags={"flireo"}, cache_policy=NO_CACHE, retries=0)
def call_leads(run: CampaignRun, imported: Imported) -> Ran:
    """Ring every lead that may be rung now, each once an attempt, collecting results meanwhile.

    Ends when nobody is left to ring now, or when the next one may only be rung later.

    Args:
        run: The run.
        imported: What `import_leads` gave.

    Raises:
        NotReady: The agent, the number or the balance is not as it must be; nobody was rung.
        FlireoError: Flireo refused the key or was not reached; nobody was rung.
        LedgerError: The ledger failed.
    """
    return _engage(run, imported, Until.DIALLED, None)


@task(name="Flireo: wait for reports", tags={"flireo"}, cache_policy=NO_CACHE, retries=0)
def wait_for_reports(run: CampaignRun, imported: Imported, called: Ran) -> Ran:
    """Wait until every call's result is in, and ring again who is due again.

    Args:
        run: The run.
        imported: What `import_leads` gave.
        called: What `call_leads` gave.

    Raises:
        LedgerError: The ledger failed.
    """
    if called.stopped_by is not None or called.timed_out:
        return called
    return _engage(run, imported, Until.FINISHED, called.readiness)


@task(name="Flireo: export results", tags={"flireo"}, cache_policy=NO_CACHE)
def export_results(run: CampaignRun, imported: Imported) -> list[Path]:
    """Write the campaign's results as they stand: CSV, JSON Lines, Parquet if installed, and the report.

    Args:
        run: The run.
        imported: What `import_leads` gave.

    Raises:
        ExportError: A file cannot be written; the earlier one is untouched.
        LedgerError: The ledger failed.
    """
    # pandas takes a second to import, and only this step needs it.
    from flireo_flows.analytics.report import write_report  # noqa: PLC0415
    from flireo_flows.analytics.sinks import export_results as export  # noqa: PLC0415

    async def read() -> list[LeadResult]:
        async with await Database.open(run.ledger.database_url()) as database:
            return await Views(database).results(run.campaign)

    results = drive(read)
    files = export(results, run.out)
    report = run.out / "report.html"
    write_report(
        results,
        report,
        campaign=run.campaign,
        rejects=imported.rejects,
        generated_at=datetime.now(UTC),
    )
    written = [file for file in (files.csv, files.jsonl, files.parquet) if file]
    get_run_logger().info("%d leads written to %s", len(results), run.out)
    return [*written, imported.rejects_file, report]


def conclude(run: CampaignRun, imported: Imported, ran: Ran, files: list[Path]) -> CampaignSummary:
    """Say how the campaign stands.

    Raises:
        CampaignStopped: It could not go on, for example because the key was revoked in the middle.
    """

    async def read() -> tuple[CampaignStatus, list[OpenLead], list[LeadResult]]:
        async with await Database.open(run.ledger.database_url()) as database:
            views = Views(database)
            return (
                await views.status(run.campaign),
                await views.open(run.campaign, imported.batch, MOST_SHOWN),
                await views.latest(run.campaign, MOST_CALLS_SHOWN),
            )

    status, open_leads, latest = drive(read)
    show_tables(status, latest)
    if ran.stopped_by is not None:
        raise CampaignStopped(
            f"the campaign stopped with {ran.left.total - ran.left.final} leads open: {ran.stopped_by} "
            "Nothing is lost; run the same command again to continue."
        )
    return CampaignSummary(
        campaign=run.campaign,
        leads=ran.left.total,
        final=ran.left.final,
        states=status.states,
        outcomes=status.outcomes,
        reasons=status.reasons,
        open=tuple(f"line {lead.line}, {mask_phone(lead.phone)}: {lead.why}" for lead in open_leads),
        rejects=imported.rejects,
        timed_out=ran.timed_out,
        files=tuple(str(file) for file in files),
    )


def _engage(run: CampaignRun, imported: Imported, until: Until, readiness: Readiness | None) -> Ran:
    """Drive the engine, showing its progress in an artifact and the log."""
    board = ProgressBoard(run.campaign, run.policy)
    caller = Caller(run.agent_id, run.number.number_id if run.number else "")

    async def work() -> Ran:
        async with await Database.open(run.ledger.database_url()) as database:
            engine = Engine(
                database,
                run.credentials.account(),
                run.campaign,
                imported.batch,
                caller,
                run.policy,
                progress=board.note,
                readiness=readiness,
            )
            deadline = run.deadline + database.now() - time.time() if run.deadline else None
            return await engine.run(until, deadline)

    ran = drive(work, tick=board.show)
    board.show()
    return ran
