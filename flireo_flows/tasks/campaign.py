"""The Prefect tasks of a campaign: import, call, wait, export. Thin skins over leads, calling and analytics.

A run of thousands of calls is a few task runs: one task drives the engine and shows what it does. Every step
may be repeated, retried, cancelled or killed: the ledger knows who was called, Prefect's state does not.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from pydantic import BaseModel, ConfigDict

from flireo_flows.analytics.files import local_path
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.api.errors import InsufficientCredits
from flireo_flows.api.redaction import mask_phone, redact
from flireo_flows.api.steady_clock import steady_now
from flireo_flows.blocks import CallLedger, FlireoCredentials, FlireoPhoneNumber, FlireoWebhook
from flireo_flows.calling.clock_guard import ClockCorrectedError, ClockError
from flireo_flows.calling.engine import Progress, RunResult, RunSettings, run_campaign
from flireo_flows.calling.plan import PlanRequest
from flireo_flows.calling.plan_notes import reading_notes
from flireo_flows.calling.preflight import NotReadyError
from flireo_flows.calling.run_loop import Until
from flireo_flows.calling.saved_plan import only_planned
from flireo_flows.leads import LeadFormat, read_do_not_call, read_leads, write_rejects
from flireo_flows.ledger import CampaignProgress, Database, LeadBook, LeadResult, OpenLead, Views
from flireo_flows.ledger.call_history import earlier_calls_in
from flireo_flows.ledger.completeness import Completeness, completeness
from flireo_flows.ledger.notices import refuse_shown_name
from flireo_flows.ledger.suppressions import list_in
from flireo_flows.policy import CallingPolicy, policy_problem, policy_warnings
from flireo_flows.prefect_support.artifacts import ProgressBoard, show_failures, show_tables
from flireo_flows.prefect_support.async_bridge import run_async
from flireo_flows.prefect_support.events import publishing
from flireo_flows.script import Caller, Composer, ReportWebhook, Script, reject_uncomposable
from flireo_flows.tasks.export import write_results

# What stops the dialling and leaves the calls that run, whose results can still be read.
CALLS_GO_ON: Final = (type(None), NotReadyError, InsufficientCredits)
NO_LIMIT: Final = 1_000_000  # people; a form shows it as its default
MOST_CORRECTIONS: Final = 3  # of the clock, in one run
MOST_SHOWN: Final = 20  # leads that a summary lists one by one
MOST_CALLS_SHOWN: Final = 200  # the UI's list of artifacts loads every row of every table


class NoLeadsError(Exception):
    """No row of the file is a lead."""


class CampaignStoppedError(Exception):
    """The campaign could not go on. Says why; what was called and reported is kept, and the next run continues.

    Attributes:
        is_clock: Whether it stopped because two clocks disagree.
    """

    def __init__(self, message: str, is_clock: bool = False) -> None:
        super().__init__(message, is_clock)
        self.message, self.is_clock = message, is_clock

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class CampaignRun:
    """Everything the steps of one run share.

    Attributes:
        campaign: Attempts are counted under this name; the same name resumes.
        agent_id: The saved agent that speaks; empty where the script or the rows say who does.
        script: What is said, by which agent, and from which numbers.
        webhook: Where reports are sent, as far as a call itself can say so; None leaves that to the agents.
        plan: A saved plan, outside which no one is called; empty for none.
        ignore_recent_calls: Call also where the account's calls of the last seven days cannot be read.
        deadline_seconds: The run ends so many seconds after `started_at` in any case; 0 for no such time.
        limit: People that the run calls at most; `NO_LIMIT` for no limit.
        run_id: What the policy's caps per run count together; a retry of the flow run is the same run.
    """

    campaign: str
    credentials: FlireoCredentials
    ledger: CallLedger
    agent_id: str = ""
    number: FlireoPhoneNumber | None = None
    policy: CallingPolicy = field(default_factory=CallingPolicy)
    script: Script = field(default_factory=Script)
    webhook: FlireoWebhook | None = None
    plan: str = ""
    out: Path = Path("results")
    deadline_seconds: int = 0
    ignore_recent_calls: bool = False
    limit: int = NO_LIMIT
    started_at: float = field(default_factory=steady_now)
    run_id: str = field(default_factory=lambda: flow_run.get_id() or uuid.uuid4().hex)

    def __post_init__(self) -> None:
        local_path(self.out)  # refuse s3://... now: before anyone is called

    @property
    def deadline(self) -> float | None:
        """Unix seconds at which the run ends in any case; None for no such time."""
        return self.started_at + self.deadline_seconds if self.deadline_seconds else None

    @property
    def caller(self) -> Caller:
        """The saved agent and the number, as far as they are given."""
        return Caller(self.agent_id, self.number.number_id if self.number else "")

    def composer(self) -> Composer:
        """Who calls, and what is said.

        Raises:
            ScriptError: The account's dialect cannot do what the script says.
        """
        webhook = None
        if self.webhook is not None and self.webhook.url:
            events = tuple(str(event) for event in self.webhook.events)
            webhook = ReportWebhook(self.webhook.url, self.webhook.secret, events)
        return Composer(self.caller, self.script, self.credentials.dialect, self.campaign, webhook)


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file gave: the name of its set of people, and how many rows were none.

    Attributes:
        agents_to_read: Saved agents whose settings must be read first, for calls change their instructions.
    """

    batch: str
    leads: int
    rejects: int
    rejects_file: Path
    agents_to_read: frozenset[str] = frozenset()


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
        held_by: What held the campaign back at the end, such as a person who paused it; empty for nothing.
        last_failures: What made the breaker pause it: masked number and reason, newest first.
        waits_for: Other campaigns whose open calls hold leads back, without phone numbers.
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
    held_by: str = ""
    last_failures: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def is_finished(self) -> bool:
        """Every lead is final."""
        return self.final == self.leads


@task(name="Flireo: import leads", tags={"flireo"}, cache_policy=NO_CACHE)
def import_leads(run: CampaignRun, leads: str, lead_format: LeadFormat, do_not_call: str = "") -> Imported:
    """Check and normalise a file of leads, and write them into the ledger. Safe to repeat.

    Args:
        run: The run.
        leads: CSV or Excel file, one person a row.
        lead_format: How to read it.
        do_not_call: File of numbers that must not be called; empty for none. Kept as the campaign's list as soon as
            it is read, whatever ends the run after that.

    Raises:
        LeadFileError: A file cannot be read; says what, where, and what to do.
        NoLeadsError: Every row is a reject.
        NotReadyError: No one can be called here under the policy.
        PlanError: The plan cannot be read, or something else than it would be done.
        ScriptError: The account's dialect cannot do what the script says.
        DeclinedError: The campaign's name is one that an event masked.
        LedgerError: The ledger cannot be opened.
    """
    logger = get_run_logger()
    _check_policy(run.policy)
    forbidden = read_do_not_call(Path(do_not_call), lead_format.default_region) if do_not_call else None
    if sentence := _forbid(run, forbidden):
        logger.warning("%s", sentence)
    batch = read_leads(Path(leads), lead_format, forbidden or frozenset())
    notes = list(reading_notes(batch))
    composer = run.composer().with_assumed_models(batch.leads)
    if run.plan:
        wanted = PlanRequest(run.campaign, run.policy, composer)
        batch = only_planned(batch, Path(run.plan), wanted, forbidden or frozenset())
    batch = reject_uncomposable(batch, composer)
    rejects_file = run.out / "rejects.csv"
    write_rejects(batch.rejects, rejects_file, batch.columns)
    logger.info("%s: %d leads, %d rejects (%s)", leads, len(batch.leads), len(batch.rejects), rejects_file)
    for note in notes:
        logger.warning("%s", note)
    if not batch.leads:
        why = f"no row of {leads} is a lead; {rejects_file} says why of each. Mend them and run again."
        raise NoLeadsError(" ".join((why, *notes)))

    async def write() -> tuple[str, str]:
        async with await Database.open(run.ledger.database_url()) as database:
            await refuse_shown_name(database, run.campaign)
            batch_name = await LeadBook(database.campaign(run.campaign)).take_in(batch.leads)
            async with database.read() as db:
                earlier = await earlier_calls_in(db, [lead.phone for lead in batch.leads])
            return batch_name, earlier.in_words

    told = run.composer().agents_to_read(batch.leads)  # `composer` assumes their models, so it asks for none
    batch_name, earlier = run_async(write)
    if earlier:
        logger.info("%s", earlier)
    return Imported(batch_name, len(batch.leads), len(batch.rejects), rejects_file, told)


@task(name="Flireo: call leads", tags={"flireo"}, cache_policy=NO_CACHE, retries=0)
def call_leads(run: CampaignRun, imported: Imported) -> RunResult:
    """Call every lead that may be called now, each once an attempt, collecting results meanwhile.

    Ends when no lead is left to call now, or when the next one may only be called later.

    Args:
        run: The run.
        imported: What `import_leads` gave.

    Raises:
        NotReadyError: The agent, the number or the balance is not as it must be; no one was called.
        FlireoError: Flireo refused the key or was not reached; no one was called.
        LedgerError: The ledger failed.
    """
    return _engage(run, imported, Until.DIALLED)


@task(name="Flireo: wait for reports", tags={"flireo"}, cache_policy=NO_CACHE, retries=0)
def wait_for_reports(run: CampaignRun, imported: Imported, called: RunResult) -> RunResult:
    """Wait until every call's result is in, and call again the leads that are due again.

    Args:
        run: The run.
        imported: What `import_leads` gave.
        called: What `call_leads` gave.

    Raises:
        LedgerError: The ledger failed.
    """
    if called.timed_out or not isinstance(called.stopped_by, CALLS_GO_ON):
        return called
    return _engage(run, imported, Until.FINISHED, called)


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
    written = write_results(run.ledger, run.campaign, run.out, imported.rejects)
    return [*written[:-1], imported.rejects_file, written[-1]]


def conclude(run: CampaignRun, imported: Imported, ran: RunResult, files: list[Path]) -> CampaignSummary:
    """Say how the campaign stands.

    Raises:
        CampaignStoppedError: It could not go on, for example because the key was revoked in the middle.
    """

    async def read() -> tuple[CampaignProgress, list[OpenLead], list[LeadResult], Completeness]:
        async with await Database.open(run.ledger.database_url()) as database:
            views = Views(database)
            return (
                await views.status(run.campaign),
                await views.open(run.campaign, imported.batch, MOST_SHOWN),
                await views.latest(run.campaign, MOST_CALLS_SHOWN),
                await completeness(database.campaign(run.campaign)),
            )

    status, open_leads, latest, complete = run_async(read)
    show_tables(status, latest, complete)
    if ran.last_failures:
        show_failures(run.campaign, ran.last_failures)
    if ran.stopped_by is not None:
        raise CampaignStoppedError(
            f"the campaign stopped with {ran.left.total - ran.left.final} leads open: {ran.stopped_by} "
            "Nothing is lost; run the same command again to continue.",
            isinstance(ran.stopped_by, ClockError),
        )
    return CampaignSummary(
        campaign=status.campaign,
        leads=ran.left.total,
        final=ran.left.final,
        states=status.states,
        outcomes=status.outcomes,
        reasons=status.reasons,
        open=tuple(f"line {lead.line}, {mask_phone(lead.phone)}: {lead.why}" for lead in open_leads),
        rejects=imported.rejects,
        timed_out=ran.timed_out,
        held_by=ran.held_by,
        last_failures=ran.last_failures,
        waits_for=tuple(redact(name) for name in ran.waits_for),
        files=tuple(str(file) for file in files),
    )


def _forbid(run: CampaignRun, forbidden: frozenset[str] | None) -> str:
    """Keep the do-not-call list for the campaign before anything else can end the run: later ones go by it too.

    Returns:
        Which list applies, those of earlier runs included; empty without one.
    """

    async def write() -> str:
        async with await Database.open(run.ledger.database_url()) as database:
            await refuse_shown_name(database, run.campaign)
            book = LeadBook(database.campaign(run.campaign))
            new = await book.forbid(forbidden) if forbidden is not None else 0
            async with database.read() as db:
                kept = await list_in(db, book.campaign)
        before = f": {new} new, {kept.numbers - new} kept from before" if forbidden is not None else ""
        return f"The campaign's {kept.in_words} applies{before}." if kept.numbers else ""

    return run_async(write)


def _check_policy(policy: CallingPolicy) -> None:
    """Refuse a policy under which no one can be called here; warn of what weakens a promise."""
    if problem := policy_problem(policy):
        raise NotReadyError(problem)
    for weakness in policy_warnings(policy):
        get_run_logger().warning("%s", weakness)


def _engage(run: CampaignRun, imported: Imported, until: Until, before: RunResult | None = None) -> RunResult:
    """Drive the engine, showing its progress in an artifact and the log."""
    board = ProgressBoard(run.campaign)

    async def work() -> RunResult:
        for _ in range(MOST_CORRECTIONS):
            ran = await attend()
            if not isinstance(ran.stopped_by, ClockCorrectedError):
                break
            get_run_logger().warning("%s", ran.stopped_by)
        return ran

    async def attend() -> RunResult:
        async with await Database.open(run.ledger.database_url()) as database:
            engine = await _engine(run, imported, database, board.note, before)
            deadline = run.deadline + database.now() - steady_now() if run.deadline else None
            async with publishing(database):
                return await run_campaign(engine, until, deadline)

    ran = run_async(work, tick=board.show)
    board.show()
    for caution in ran.cautions:
        get_run_logger().warning("%s", caution)
    if ran.held_by:
        get_run_logger().warning("no one else is called for now: %s", ran.held_by)
    for name in ran.waits_for:
        get_run_logger().warning(
            "%d leads wait for an open call of campaign %r. Collect it: flireo-flows collect --campaign NAME",
            ran.left.blocked,
            redact(name),
        )
    return ran


async def _engine(
    run: CampaignRun, imported: Imported, database: Database, progress: Progress, before: RunResult | None
) -> RunSettings:
    account = run.credentials.account()
    composer = run.composer()
    if imported.agents_to_read:
        async with AsyncFlireoClient(account) as client:
            composer = await composer.with_agent_models(client, imported.agents_to_read)
    return RunSettings(
        database.campaign(run.campaign),
        account,
        imported.batch,
        composer,
        run.policy,
        progress=progress,
        readiness=before.readiness if before else None,
        run_id=run.run_id,
        limit=run.limit if run.limit < NO_LIMIT else None,
        stopped_by=before.stopped_by if before else None,
        ignore_recent_calls=run.ignore_recent_calls,
    )
