"""`flireo-flows run`: one campaign, from a file of leads to exported results."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter, validators

from flireo_flows.cli.options import (
    NO_CAMPAIGN_OPTIONS,
    NO_LEAD_OPTIONS,
    CampaignName,
    CampaignOptions,
    LeadOptions,
)

if TYPE_CHECKING:
    from flireo_flows.flows import CampaignSummary
    from flireo_flows.policy import CallingPolicy

OPEN = 3
MOST_PEOPLE = (
    1_000_000  # of one run, where no limit is given: `NO_LIMIT` of the steps, without importing Prefect
)
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
    from flireo_flows.blocks import FlireoPhoneNumber  # which loads Prefect

    key, ledger = settings.credentials(), settings.ledger()
    _say_hours(wanted.policy, any_hour=options.any_hour)
    if not yes and confirmation.is_needed(key):
        refused = confirmation.refusal(make(leads, lead_format, wanted, do_not_call, plan), limit, key)
        if refused is not None:
            return refused
    summary = _run_flow(
        prefect_api(),
        leads=str(leads.absolute()),
        campaign=campaign,
        agent_id=options.agent_id,
        credentials=key,
        ledger=ledger,
        number=FlireoPhoneNumber(number_id=options.number_id) if options.number_id else None,
        policy=wanted.policy,
        script=wanted.composer.script,
        plan=str(plan.absolute()) if plan else "",
        lead_format=lead_format,
        do_not_call=str(do_not_call.absolute()) if do_not_call else "",
        out=str(out),
        wait=not no_wait,
        deadline_seconds=deadline,
        ignore_recent_calls=ignore_recent_calls,
        limit=limit or MOST_PEOPLE,
    )
    show(summary)
    return 0 if summary.is_finished else OPEN


def prefect_api() -> str:
    """URL of the configured Prefect API, or of a server of our own where none is configured.

    Raises:
        SettingError: The configured one cannot be used.
        ChildError: Ours did not come up.
    """
    from prefect.settings import PREFECT_API_URL

    from flireo_flows.cli.settings import check_prefect
    from flireo_flows.prefect_support.child_process import until_exit
    from flireo_flows.prefect_support.local_server import prefect_server

    if configured := PREFECT_API_URL.value():
        check_prefect(str(configured), "Without either, the run starts a Prefect server of its own.")
        return str(configured)
    return until_exit(prefect_server())


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


def _run_flow(api: str, **parameters: Any) -> "CampaignSummary":
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flireo_flows.flows import outbound_campaign

    quiet_console()
    with temporary_settings({PREFECT_API_URL: api}):
        summary: CampaignSummary = outbound_campaign(**parameters)
    return summary


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
