"""The steps of a campaign as plain functions, which Prefect's tasks and the command line wrap.

Every step may be repeated, retried, cancelled or killed: the ledger records who was called.
"""

import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from logging import Logger, LoggerAdapter
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from flireo_flows.api.client import Account, AsyncFlireoClient
from flireo_flows.api.errors import InsufficientCredits
from flireo_flows.api.redaction import mask_phone, redact
from flireo_flows.api.steady_clock import steady_now
from flireo_flows.calling.clock_guard import ClockCorrectedError, ClockError
from flireo_flows.calling.engine import Progress, RunResult, RunSettings, no_progress, run_campaign
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
from flireo_flows.script import Caller, Composer, ReportWebhook, Script, reject_uncomposable

Log = Logger | LoggerAdapter[Any]
Sending = Callable[[Database], AbstractAsyncContextManager[object]]

# What stops the dialling and leaves the calls that run, whose results can still be read.
CALLS_GO_ON: Final = (type(None), NotReadyError, InsufficientCredits)
NO_LIMIT: Final = 1_000_000  # leads; a form shows it as its default
MOST_CORRECTIONS: Final = 3  # of the clock, in one run
MOST_SHOWN: Final = 20  # leads that a summary lists one by one
MOST_CALLS_SHOWN: Final = 200  # rows of a table of calls


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
    """Everything the steps of one run share. Holds no key: what has one is made where it is used.

    Attributes:
        campaign: Attempts are counted under this name; the same name resumes.
        account: Makes the account to call with.
        ledger_url: Makes the URL of the ledger's database.
        caller: The saved agent that speaks and the number to call from, as far as they are given.
        script: What is said, by which agent, and from which numbers.
        webhook: Where reports are sent, as far as a call itself can set it; None leaves that to the agents.
        plan: A saved plan, outside which no one is called; empty for none.
        out: Folder for rejects and results.
        deadline_seconds: The run ends so many seconds after `started_at` in any case; 0 for no such time.
        ignore_recent_calls: Call also where the account's calls of the last seven days cannot be read.
        limit: Leads that the run calls at most; `NO_LIMIT` for no limit.
        started_at: Unix seconds.
        run_id: What the policy's caps per run count together; a retry of the flow run is the same run.
    """

    campaign: str
    account: Callable[[], Account]
    ledger_url: Callable[[], str]
    caller: Caller
    policy: CallingPolicy = field(default_factory=CallingPolicy)
    script: Script = field(default_factory=Script)
    webhook: ReportWebhook | None = None
    plan: str = ""
    out: Path = Path("results")
    deadline_seconds: int = 0
    ignore_recent_calls: bool = False
    limit: int = NO_LIMIT
    started_at: float = field(default_factory=steady_now)
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def deadline(self) -> float | None:
        """Unix seconds at which the run ends in any case; None for no such time."""
        return self.started_at + self.deadline_seconds if self.deadline_seconds else None

    def composer(self) -> Composer:
        """Who calls, and what is said.

        Raises:
            ScriptError: The account's dialect cannot do what the script says.
        """
        return Composer(self.caller, self.script, self.account().dialect, self.campaign, self.webhook)


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
        final: Those that are done, skipped, or need review.
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


@dataclass(frozen=True, slots=True)
class Standing:
    """How a campaign stands, as the ledger has it.

    Attributes:
        open: Some of the leads that are not final.
        latest: The latest calls.
    """

    progress: CampaignProgress
    open: list[OpenLead]
    latest: list[LeadResult]
    completeness: Completeness


async def import_leads(
    run: CampaignRun, leads: str, lead_format: LeadFormat, do_not_call: str, log: Log
) -> Imported:
    """Check and normalise a file of leads, and write them into the ledger. Safe to repeat.

    Args:
        run: The run.
        leads: CSV or Excel file, one person a row.
        lead_format: How to read it.
        do_not_call: File of numbers that must not be called; empty for none. Kept as the campaign's list as soon as
            it is read, whatever ends the run after that.
        log: Where counts and warnings go.

    Raises:
        LeadFileError: A file cannot be read; says what, where, and what to do.
        NoLeadsError: Every row is a reject.
        NotReadyError: No one can be called here under the policy.
        PlanError: The plan cannot be read, or something else than it would be done.
        ScriptError: The account's dialect cannot do what the script says.
        DeclinedError: The campaign's name is one that an event masked.
        LedgerError: The ledger cannot be opened.
    """
    _check_policy(run.policy, log)
    forbidden = read_do_not_call(Path(do_not_call), lead_format.default_region) if do_not_call else None
    if sentence := await _keep_do_not_call_list(run, forbidden):
        log.warning("%s", sentence)
    batch = read_leads(Path(leads), lead_format, forbidden or frozenset())
    notes = list(reading_notes(batch))
    composer = run.composer().with_assumed_models(batch.leads)
    if run.plan:
        wanted = PlanRequest(run.campaign, run.policy, composer)
        batch = only_planned(batch, Path(run.plan), wanted, forbidden or frozenset())
    batch = reject_uncomposable(batch, composer)
    rejects_file = run.out / "rejects.csv"
    write_rejects(batch.rejects, rejects_file, batch.columns)
    log.info("%s: %d leads, %d rejects (%s)", leads, len(batch.leads), len(batch.rejects), rejects_file)
    for note in notes:
        log.warning("%s", note)
    if not batch.leads:
        why = f"no row of {leads} is a lead; {rejects_file} has the reason for each. Correct them and run again."
        raise NoLeadsError(" ".join((why, *notes)))
    async with await Database.open(run.ledger_url()) as database:
        await refuse_shown_name(database, run.campaign)
        batch_name = await LeadBook(database.campaign(run.campaign)).take_in(batch.leads)
        async with database.read() as db:
            earlier = await earlier_calls_in(db, [lead.phone for lead in batch.leads])
    if earlier.in_words:
        log.info("%s", earlier.in_words)
    # `composer` assumes the agents' models, so it would ask for none.
    agents = run.composer().agents_to_read(batch.leads)
    return Imported(batch_name, len(batch.leads), len(batch.rejects), rejects_file, agents)


async def call_leads(
    run: CampaignRun,
    imported: Imported,
    log: Log,
    before: RunResult | None = None,
    progress: Progress = no_progress,
    sending: Sending = nullcontext,
) -> RunResult:
    """Call every lead that may be called now, each once an attempt, collecting results meanwhile.

    Args:
        run: The run.
        imported: What `import_leads` returned.
        log: Where warnings go.
        before: What the first part of this run came to: then wait until every result is in, and call the leads that
            are due again; None ends when no lead is left to call now.
        progress: Given the campaign's figures every two seconds.
        sending: Sends the ledger's notices while the campaign runs.

    Raises:
        NotReadyError: The agent, the number or the balance is not as it must be; no one was called.
        FlireoError: Flireo refused the key or was not reached; no one was called.
        LedgerError: The ledger failed.
    """
    if before is not None and (before.timed_out or not isinstance(before.stopped_by, CALLS_GO_ON)):
        return before
    for _ in range(MOST_CORRECTIONS):
        async with await Database.open(run.ledger_url()) as database:
            settings = await _settings(run, imported, database, progress, before)
            deadline = run.deadline + database.now() - steady_now() if run.deadline else None
            async with sending(database):
                until = Until.DIALLED if before is None else Until.FINISHED
                ran = await run_campaign(settings, until, deadline)
        if not isinstance(ran.stopped_by, ClockCorrectedError):
            break
        log.warning("%s", ran.stopped_by)
    for caution in ran.cautions:
        log.warning("%s", caution)
    if ran.held_by:
        log.warning("no one else is called for now: %s", ran.held_by)
    for name in ran.waits_for:
        log.warning(
            "%d leads wait for an open call of campaign %r. Collect it: flireo-flows collect --campaign NAME",
            ran.left.blocked,
            redact(name),
        )
    return ran


async def read_standing(run: CampaignRun, imported: Imported) -> Standing:
    """How the campaign stands.

    Raises:
        LedgerError: The ledger failed.
    """
    async with await Database.open(run.ledger_url()) as database:
        views = Views(database)
        return Standing(
            await views.status(run.campaign),
            await views.open(run.campaign, imported.batch, MOST_SHOWN),
            await views.latest(run.campaign, MOST_CALLS_SHOWN),
            await completeness(database.campaign(run.campaign)),
        )


def conclude(imported: Imported, ran: RunResult, standing: Standing, files: list[Path]) -> CampaignSummary:
    """Summarise the run.

    Raises:
        CampaignStoppedError: It could not go on, for example because the key was revoked in the middle.
    """
    if ran.stopped_by is not None:
        raise CampaignStoppedError(
            f"the campaign stopped with {ran.left.total - ran.left.final} leads open: {ran.stopped_by} "
            "Nothing is lost; run the same command again to continue.",
            isinstance(ran.stopped_by, ClockError),
        )
    return CampaignSummary(
        campaign=standing.progress.campaign,
        leads=ran.left.total,
        final=ran.left.final,
        states=standing.progress.states,
        outcomes=standing.progress.outcomes,
        reasons=standing.progress.reasons,
        open=tuple(f"line {lead.line}, {mask_phone(lead.phone)}: {lead.why}" for lead in standing.open),
        rejects=imported.rejects,
        timed_out=ran.timed_out,
        held_by=ran.held_by,
        last_failures=ran.last_failures,
        waits_for=tuple(redact(name) for name in ran.waits_for),
        files=tuple(str(file) for file in files),
    )


async def _keep_do_not_call_list(run: CampaignRun, forbidden: frozenset[str] | None) -> str:
    """Keep the do-not-call list for the campaign before anything else can end the run: later ones go by it too.

    Returns:
        Which list applies, those of earlier runs included; empty without one.
    """
    async with await Database.open(run.ledger_url()) as database:
        await refuse_shown_name(database, run.campaign)
        book = LeadBook(database.campaign(run.campaign))
        new = await book.forbid(forbidden) if forbidden is not None else 0
        async with database.read() as db:
            kept = await list_in(db, book.campaign)
    before = f": {new} new, {kept.numbers - new} kept from before" if forbidden is not None else ""
    return f"The campaign's {kept.in_words} applies{before}." if kept.numbers else ""


def _check_policy(policy: CallingPolicy, log: Log) -> None:
    """Refuse a policy under which no one can be called here; warn of what weakens a promise."""
    if problem := policy_problem(policy):
        raise NotReadyError(problem)
    for weakness in policy_warnings(policy):
        log.warning("%s", weakness)


async def _settings(
    run: CampaignRun, imported: Imported, database: Database, progress: Progress, before: RunResult | None
) -> RunSettings:
    account = run.account()
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
