"""The Prefect task that collects results that no run waits for, and what people see of it. A thin skin over a sweep."""

from typing import Final

from prefect import get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from flireo_flows.api.redaction import redact
from flireo_flows.blocks import CallLedger, FlireoCredentials
from flireo_flows.calling.sweep import Sweep, SweepResult, SweepSummary
from flireo_flows.ledger import Database, NoLedgerError
from flireo_flows.ledger.notices import find_campaign
from flireo_flows.prefect_support.async_bridge import run_async
from flireo_flows.prefect_support.events import publishing

__all__ = ["KeyRefusedError", "SweepSummary", "collect"]

KEY: Final = "flireo-collected"  # of the artifact
MOST_SHOWN: Final = 200  # the UI's list of artifacts loads every row of every table


class KeyRefusedError(Exception):
    """Flireo refused the key, so that no call could be read. The message has what was collected, and what to do."""


@task(name="Flireo: collect reports", tags={"flireo"}, cache_policy=NO_CACHE, retries=0)
def collect(
    credentials: FlireoCredentials, ledger: CallLedger, campaign: str = "", patience_seconds: float = 0
) -> SweepSummary:
    """Write down how calls ended that no run is waiting for. Calls no one.

    Args:
        credentials: The API key of the organization.
        ledger: The record of who was called.
        campaign: Only this one, by its name or as an event's payload has it; empty for all.
        patience_seconds: How long to go on while calls are open; 0 reads once.

    Raises:
        KeyRefusedError: Flireo refused the key.
        DeclinedError: There is no such campaign.
        NoLedgerError: There is no ledger, and a campaign was named; without a name that is only logged.
        LedgerError: The ledger failed.
    """

    async def work() -> SweepSummary:
        opened = await Database.open(ledger.database_url(), existing=True)
        async with opened as database, publishing(database):
            only = await find_campaign(database, campaign) if campaign else ""
            return await Sweep(database, credentials.account(), only, patience_seconds).run()

    try:
        summary = run_async(work)
    except NoLedgerError as missing:  # a schedule may begin before the first campaign
        if campaign:
            raise
        get_run_logger().warning("%s", missing)
        return SweepSummary((), 0)
    show(summary)
    if summary.refused is not None:
        raise KeyRefusedError(refusal(summary))
    return summary


def refusal(summary: SweepSummary) -> str:
    """What a refused key means, in a sentence."""
    return (
        f"{summary.refused}; {summary.open} calls are open and could not be read, "
        f"{sum(swept.by_webhook for swept in summary.campaigns)} were closed by webhook. "
        "Nothing is lost: correct the key and collect again."
    )


def show(summary: SweepSummary) -> None:
    """The summary as a table artifact and in the log, without a number."""
    logger = get_run_logger()
    if not summary.campaigns:
        logger.info("no call is open that a run does not wait for")
        return
    for swept in summary.campaigns:
        logger.info("%s", in_words(swept))
        for trouble in filter(None, (swept.problem, swept.rules)):
            logger.warning("%s: %s", redact(swept.campaign), redact(trouble))
    create_table_artifact(
        [row(swept) for swept in summary.campaigns[:MOST_SHOWN]],
        key=KEY,
        description=f"What was collected, with {summary.requests} requests; {summary.open} calls are open",
    )


def in_words(swept: SweepResult) -> str:
    """What became of one campaign, in a line."""
    return (
        f"{redact(swept.campaign)}: {swept.by_webhook} calls closed by webhook, {swept.by_list} by reading, "
        f"{swept.after} open, {swept.for_review} leads for review"
    )


def row(swept: SweepResult) -> dict[str, object]:
    """A row of the table."""
    return {
        "campaign": redact(swept.campaign),
        "open before": swept.before,
        "open": swept.after,
        "by webhook": swept.by_webhook,
        "by reading": swept.by_list,
        "for review": swept.for_review,
        "problem": redact(swept.problem),
    }
