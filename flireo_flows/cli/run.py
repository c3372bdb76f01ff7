"""`flireo-flows run`: one campaign, from a file of leads to exported results."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators

from flireo_flows.cli.options import (
    NO_CAMPAIGN_OPTIONS,
    NO_LEAD_OPTIONS,
    CampaignName,
    CampaignOptions,
    LeadOptions,
)

if TYPE_CHECKING:
    from logging import Logger

    from flireo_flows.calling.campaign_steps import CampaignRun, CampaignSummary
    from flireo_flows.leads import LeadFormat
    from flireo_flows.ledger import CampaignProgress
    from flireo_flows.policy import CallingPolicy

OPEN = 3
MOST_PEOPLE = 1_000_000  # that `--limit` takes
REQUESTS_PER_MINUTE = 100.0  # what Flireo allows a key (contract section 3)
Flag = Parameter(negative=())


def run(
    leads: Path,
    *,
    campaign: CampaignName,
    options: CampaignOptions = NO_CAMPAIGN_OPTIONS,
    plan: Path | None = None,
    out: Path = Path("results"),
    no_wait: Annotated[bool, Flag] = False,
    deadline: Annotated[int, Parameter(validator=validators.Number(gte=0))] = 0,
    ignore_recent_calls: Annotated[bool, Flag] = False,
    limit: Annotated[int | None, Parameter(validator=validators.Number(gte=1, lte=MOST_PEOPLE))] = None,
    yes: Annotated[bool, Flag] = False,
    file_options: LeadOptions = NO_LEAD_OPTIONS,
) -> int:
    """Call every lead of a file and export what became of each call. Run it again to carry on.

    The same campaign name continues where it stands and calls no one twice. Ends with status 0 when every
    lead is final, 3 when some are still open (it lists which and why), 1 on an error, 2 on wrong usage,
    4 when the clocks of this machine, the database and Flireo are more than a minute apart, 5 when the account's recent
    calls cannot be read, so that no one is called.

    Before it calls anyone it asks, unless the key is a test key (fl_test_...) or the server is on this machine.

    Parameters
    ----------
    leads
        CSV or Excel file, one person a row.
    campaign
        Attempts are counted under this name.
    plan
        A plan that `flireo-flows plan --save` wrote: no one outside it is called.
    out
        Folder for results.csv, results.jsonl, results.parquet, rejects.csv and report.html.
    no_wait
        End after dialling; a later run collects the results.
    deadline
        End after so many seconds in any case; 0 for no deadline. Running calls go on.
    ignore_recent_calls
        Call also where the account's calls of the last seven days cannot be read, which a new ledger reads first.
        Risky: people who were called a moment ago, from the dashboard or with a ledger that was lost, are called again.
    limit
        Call at most so many people in this run.
    yes
        Call without asking. Needed where there is no terminal, as in a scheduled job.
    """
    from flireo_flows.calling.campaign_steps import NO_LIMIT, CampaignRun
    from flireo_flows.cli import confirmation, settings
    from flireo_flows.cli.plan import make
    from flireo_flows.leads import check_file, read_do_not_call

    lead_format, do_not_call = file_options.lead_format(), options.do_not_call
    wanted = options.request(campaign, REQUESTS_PER_MINUTE)
    # What is wrong with the input is reported at once, before anything is started.
    check_file(leads, lead_format)
    if do_not_call:
        read_do_not_call(do_not_call, lead_format.default_region)
    check_out(out)
    account = settings.account()
    _say_hours(wanted.policy, any_hour=options.any_hour)
    if not yes and confirmation.is_needed(account):
        refused = confirmation.refusal(make(leads, lead_format, wanted, do_not_call, plan), limit, account)
        if refused is not None:
            return refused
    campaign_run = CampaignRun(
        campaign=campaign,
        account=settings.account,
        ledger_url=settings.ledger_url,
        caller=wanted.composer.caller,
        policy=wanted.policy,
        script=wanted.composer.script,
        plan=str(plan.absolute()) if plan else "",
        out=out,
        deadline_seconds=deadline,
        ignore_recent_calls=ignore_recent_calls,
        limit=limit or NO_LIMIT,
    )
    step_by_step = _run_in_prefect if settings.prefect_api() else _run_here
    forbidden = str(do_not_call.absolute()) if do_not_call else ""
    summary = step_by_step(campaign_run, str(leads.absolute()), lead_format, forbidden, wait=not no_wait)
    show(summary)
    return 0 if summary.is_finished else OPEN


def _run_here(
    run: "CampaignRun", leads: str, lead_format: "LeadFormat", do_not_call: str, *, wait: bool
) -> "CampaignSummary":
    """Take the steps in this process, without Prefect."""
    import signal

    from flireo_flows.analytics.export import write_campaign
    from flireo_flows.calling import campaign_steps as steps
    from flireo_flows.prefect_support.async_bridge import run_async

    log = _log()
    shown = [""]

    def progress(status: "CampaignProgress") -> None:
        if status.in_words != shown[-1]:
            shown[:] = [status.in_words]
            log.info("%s", status.in_words)

    async def work() -> "CampaignSummary":
        imported = await steps.import_leads(run, leads, lead_format, do_not_call, log)
        ran = await steps.call_leads(run, imported, log, progress=progress)
        if wait:
            ran = await steps.call_leads(run, imported, log, ran, progress)
        written = await write_campaign(run.ledger_url(), run.campaign, run.out, imported.rejects, log)
        standing = await steps.read_standing(run, imported)
        return steps.conclude(imported, ran, standing, [*written[:-1], imported.rejects_file, written[-1]])

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # what is under way is written down
    try:
        return run_async(work)
    finally:
        signal.signal(signal.SIGTERM, before)


def _log() -> "Logger":
    """Lines on standard error with the time, as of Prefect's own log."""
    import logging

    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s | %(levelname)-7s | %(message)s", "%H:%M:%S"))
    log = logging.Logger("flireo-flows", logging.INFO)
    log.addHandler(handler)
    return log


def _run_in_prefect(
    run: "CampaignRun", leads: str, lead_format: "LeadFormat", do_not_call: str, *, wait: bool
) -> "CampaignSummary":
    """Run the flow, so that Prefect records the run and its tasks."""
    from pydantic import SecretStr

    from flireo_flows.blocks import CallLedger, FlireoCredentials, FlireoPhoneNumber
    from flireo_flows.flows import outbound_campaign

    quiet_console()
    account = run.account()
    summary: CampaignSummary = outbound_campaign(
        leads=leads,
        campaign=run.campaign,
        credentials=FlireoCredentials(
            api_key=SecretStr(account.api_key), base_url=account.base_url, dialect=account.dialect
        ),
        ledger=CallLedger(url=SecretStr(run.ledger_url())),
        agent_id=run.caller.agent_id,
        number=FlireoPhoneNumber(number_id=run.caller.number_id) if run.caller.number_id else None,
        policy=run.policy,
        script=run.script,
        plan=run.plan,
        lead_format=lead_format,
        do_not_call=do_not_call,
        out=str(run.out),
        wait=wait,
        deadline_seconds=run.deadline_seconds,
        ignore_recent_calls=run.ignore_recent_calls,
        limit=run.limit,
    )
    return summary


def show(summary: "CampaignSummary") -> None:
    """Outcomes, what is open and why, and the files."""
    import shlex

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    console.print(
        f"Campaign {summary.campaign}: {summary.final} of {summary.leads} leads final",
        markup=False,
        highlight=False,
    )
    table = Table()
    table.add_column("outcome")
    table.add_column("leads", justify="right")
    for outcome, count in sorted(summary.outcomes.items(), key=lambda item: -item[1]):
        table.add_row(outcome.replace("_", " "), str(count))
    for reason, count in summary.reasons.items():
        table.add_row(reason.replace("_", " "), str(count), style="yellow")
    if summary.rejects:
        table.add_row("rejected rows of the file", str(summary.rejects), style="dim")
    console.print(table, markup=False)
    if summary.held_by:
        console.print(f"[bold]{escape(summary.held_by)}[/bold]", highlight=False)
        for failure in summary.last_failures:
            console.print(f"  {failure}", markup=False, highlight=False)
    if not summary.is_finished:
        why = (
            "the deadline ended the run"
            if summary.timed_out
            else "they may only be called, or their results come, later"
        )
        console.print(f"[bold]{summary.leads - summary.final} leads are still open[/bold] ({why}):")
        for line in summary.open:
            console.print(f"  {line}", markup=False, highlight=False)
        console.print("Run the same command again to continue.")
    for name in summary.waits_for:
        console.print(
            f"Leads wait for an open call of campaign {name}. Its results are collected by: "
            f"flireo-flows collect --campaign {shlex.quote(name)}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    for file in summary.files:
        console.print(file, soft_wrap=True, markup=False, highlight=False)


def quiet_console() -> None:
    """Leave tracebacks out of the terminal; they stay in the Prefect run's own log."""
    import logging

    from prefect.logging.configuration import ensure_logging_setup
    from prefect.logging.handlers import PrefectConsoleHandler

    ensure_logging_setup()  # Prefect makes its handlers late; there would be none to filter yet
    names = ("prefect", "prefect.flow_runs", "prefect.task_runs", "")
    handlers = {id(handler): handler for name in names for handler in logging.getLogger(name).handlers}
    for handler in handlers.values():
        if isinstance(handler, PrefectConsoleHandler):
            # Errors are shown once, at the end, by us.
            handler.addFilter(lambda record: not record.exc_info and record.levelno < logging.ERROR)


def check_out(out: Path) -> None:
    """Make the folder of results, or say at once that it cannot be made."""
    from flireo_flows.cli.user_errors import SettingError

    check_local("--out", out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(f"--out {out}: the folder cannot be made: {error.strerror}") from None


def check_local(option: str, path: Path) -> None:
    """Refuse an address such as s3://bucket, where only a path of this machine is written."""
    from flireo_flows.analytics.files import ExportError, local_path
    from flireo_flows.cli.user_errors import SettingError

    try:
        local_path(path)
    except ExportError as error:
        raise SettingError(f"{option} {error.path}: {error.problem}; {error.remedy}") from None


def _say_hours(rules: "CallingPolicy", *, any_hour: bool) -> None:
    import sys

    if rules.calling_hours is None:
        why = "--any-hour" if any_hour else "the policy"
        kept = "; the rules of states hold all the same" if rules.state_rules else ""
        print(
            f"flireo-flows: calling hours are OFF ({why}): people may be called at night{kept}",
            file=sys.stderr,
        )
