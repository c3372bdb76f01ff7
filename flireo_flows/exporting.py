"""Write a campaign's results as they stand: from the ledger alone, for whoever wants them again or later."""

from datetime import UTC, datetime
from pathlib import Path

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from flireo_flows.blocks import CallLedger
from flireo_flows.calling.ledger import Database, LeadResult, Views
from flireo_flows.calling.ledger.completeness import Completeness, completeness
from flireo_flows.calling.ledger.naming import find_campaign
from flireo_flows.driving import drive


@task(name="Flireo: export campaign", tags={"flireo"}, cache_policy=NO_CACHE)
def export_campaign(ledger: CallLedger, campaign: str, out: Path) -> list[Path]:
    """Write the results of a campaign, without its file of leads. Sends nothing.

    Args:
        ledger: Where it is kept who was rung.
        campaign: Its name, or as an event's payload has it.
        out: Folder for the files.

    Returns:
        The files: CSV, JSON Lines, Parquet if installed, and the report.

    Raises:
        Declined: There is no such campaign.
        ExportError: A file cannot be written; the earlier one is untouched.
        LedgerError: The ledger failed.
    """

    async def name() -> str:
        async with await Database.open(ledger.database_url()) as database:
            return await find_campaign(database, campaign)

    return write_results(ledger, drive(name), out, rejects=None)


def write_results(ledger: CallLedger, campaign: str, out: Path, rejects: int | None) -> list[Path]:
    """Write the results of a campaign.

    Args:
        ledger: Where it is kept who was rung.
        campaign: Its name.
        out: Folder for the files.
        rejects: Rows of the file that are no leads; None where nobody knows.

    Raises:
        ExportError: A file cannot be written; the earlier one is untouched.
        LedgerError: The ledger failed.
    """
    # pandas takes a second to import, and only this step needs it.
    from flireo_flows.analytics.report import write_report  # noqa: PLC0415
    from flireo_flows.analytics.sinks import export_results  # noqa: PLC0415

    async def read() -> tuple[list[LeadResult], Completeness]:
        async with await Database.open(ledger.database_url()) as database:
            return await Views(database).results(campaign), await completeness(database, campaign)

    results, complete = drive(read)
    files = export_results(results, out)
    report = out / "report.html"
    write_report(
        results,
        report,
        campaign=campaign,
        rejects=rejects,
        generated_at=datetime.now(UTC),
        completeness=complete,
    )
    get_run_logger().info("%d leads written to %s", len(results), out)
    return [*(file for file in (files.csv, files.jsonl, files.parquet) if file), report]
