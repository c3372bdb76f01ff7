"""Write a campaign's results as they stand, from the ledger alone."""

from datetime import UTC, datetime
from logging import Logger, LoggerAdapter
from pathlib import Path
from typing import Any

from flireo_flows.analytics.files import replacing
from flireo_flows.ledger import Database, Views
from flireo_flows.ledger.completeness import completeness
from flireo_flows.ledger.notices import find_campaign


async def write_campaign(
    ledger_url: str, campaign: str, out: Path, rejects: int | None, log: Logger | LoggerAdapter[Any]
) -> list[Path]:
    """Write the results of a campaign, and a report.

    Args:
        ledger_url: URL of the ledger's database, which must exist.
        campaign: Its name.
        out: Folder for the files.
        rejects: Rows of the file that are no leads; None where it is unknown.
        log: Where the count goes.

    Returns:
        The files: CSV, JSON Lines, Parquet if installed, and last the report.

    Raises:
        ExportError: A file cannot be written; the earlier one is untouched.
        LedgerError: The ledger failed.
    """
    # pandas takes a second to import, and only this step needs it.
    from flireo_flows.analytics.report import render_report  # noqa: PLC0415
    from flireo_flows.analytics.results import export_results  # noqa: PLC0415

    async with await Database.open(ledger_url, existing=True) as database:
        shown = await find_campaign(database, campaign)
        results = await Views(database).results(campaign)
        complete = await completeness(database.campaign(campaign))
    files = export_results(results, out)
    report = out / "report.html"
    now = datetime.now(UTC)
    page = render_report(results, campaign=shown, rejects=rejects, generated_at=now, completeness=complete)
    with replacing(report) as file:
        file.write(page.encode())
    log.info("%d leads written to %s", len(results), out)
    return [*(file for file in (files.csv, files.jsonl, files.parquet) if file), report]
