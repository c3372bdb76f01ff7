"""The Prefect tasks of a campaign: import, call, wait, export. Each wraps a plain function.

A run of thousands of calls is a few task runs: one task drives the engine and shows what it does. Every step
may be repeated, retried, cancelled or killed: the ledger knows who was called, Prefect's state does not.
"""

from pathlib import Path

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from flireo_flows.analytics.export import write_campaign
from flireo_flows.analytics.files import local_path
from flireo_flows.blocks import FlireoWebhook
from flireo_flows.calling import campaign_steps
from flireo_flows.calling.campaign_steps import (
    CampaignRun,
    CampaignStoppedError,
    CampaignSummary,
    Imported,
    NoLeadsError,
)
from flireo_flows.calling.engine import RunResult
from flireo_flows.leads import LeadFormat
from flireo_flows.prefect_support.artifacts import ProgressBoard, show_failures, show_tables
from flireo_flows.prefect_support.async_bridge import run_async
from flireo_flows.prefect_support.events import publishing
from flireo_flows.script import ReportWebhook

__all__ = [
    "CampaignRun", "CampaignStoppedError", "CampaignSummary", "Imported", "NoLeadsError", "call_leads", "conclude",
    "export_results", "import_leads", "report_webhook", "wait_for_reports",
]  # fmt: skip


def report_webhook(webhook: FlireoWebhook | None) -> ReportWebhook | None:
    """Where reports of calls are sent, as far as a call itself can set it; None without a URL."""
    if webhook is None or not webhook.url:
        return None
    return ReportWebhook(webhook.url, webhook.secret, tuple(str(event) for event in webhook.events))


@task(name="Flireo: import leads", tags={"flireo"}, cache_policy=NO_CACHE)
def import_leads(run: CampaignRun, leads: str, lead_format: LeadFormat, do_not_call: str = "") -> Imported:
    """Check and normalise a file of leads, and write them into the ledger. Safe to repeat.

    Args:
        run: The run.
        leads: CSV or Excel file, one person a row.
        lead_format: How to read it.
        do_not_call: File of numbers that must not be called; empty for none.

    Raises:
        ExportError: The folder of the results is not on this machine.
        LedgerError: The ledger cannot be opened. See `campaign_steps.import_leads` for the others.
    """
    local_path(run.out)  # refuse s3://... before anyone is called
    log = get_run_logger()
    return run_async(lambda: campaign_steps.import_leads(run, leads, lead_format, do_not_call, log))


@task(name="Flireo: call leads", tags={"flireo"}, cache_policy=NO_CACHE, retries=0)
def call_leads(run: CampaignRun, imported: Imported) -> RunResult:
    """Call every lead that may be called now, each once an attempt, collecting results meanwhile.

    Ends when no lead is left to call now, or when the next one may only be called later.

    Args:
        run: The run.
        imported: What `import_leads` returned.

    Raises:
        NotReadyError: The agent, the number or the balance is not as it must be; no one was called.
        FlireoError: Flireo refused the key or was not reached; no one was called.
        LedgerError: The ledger failed.
    """
    return _call(run, imported, None)


@task(name="Flireo: wait for reports", tags={"flireo"}, cache_policy=NO_CACHE, retries=0)
def wait_for_reports(run: CampaignRun, imported: Imported, called: RunResult) -> RunResult:
    """Wait until every call's result is in, and call again the leads that are due again.

    Args:
        run: The run.
        imported: What `import_leads` returned.
        called: What `call_leads` returned.

    Raises:
        LedgerError: The ledger failed.
    """
    return _call(run, imported, called)


def _call(run: CampaignRun, imported: Imported, before: RunResult | None) -> RunResult:
    """Drive the engine, showing its progress in an artifact and the log."""
    board, log = ProgressBoard(run.campaign), get_run_logger()
    step = campaign_steps.call_leads
    ran = run_async(lambda: step(run, imported, log, before, board.note, publishing), tick=board.show)
    board.show()
    return ran


@task(name="Flireo: export results", tags={"flireo"}, cache_policy=NO_CACHE)
def export_results(run: CampaignRun, imported: Imported) -> list[Path]:
    """Write the campaign's results as they stand: CSV, JSON Lines, Parquet if installed, and the report.

    Args:
        run: The run.
        imported: What `import_leads` returned.

    Raises:
        ExportError: A file cannot be written; the earlier one is untouched.
        LedgerError: The ledger failed.
    """
    log = get_run_logger()
    written = run_async(
        lambda: write_campaign(run.ledger_url(), run.campaign, run.out, imported.rejects, log)
    )
    return [*written[:-1], imported.rejects_file, written[-1]]


def conclude(run: CampaignRun, imported: Imported, ran: RunResult, files: list[Path]) -> CampaignSummary:
    """Show how the campaign stands, and summarise the run.

    Raises:
        CampaignStoppedError: It could not go on, for example because the key was revoked in the middle.
    """
    standing = run_async(lambda: campaign_steps.read_standing(run, imported))
    show_tables(standing.progress, standing.latest, standing.completeness)
    if ran.last_failures:
        show_failures(run.campaign, ran.last_failures)
    return campaign_steps.conclude(imported, ran, standing, files)
