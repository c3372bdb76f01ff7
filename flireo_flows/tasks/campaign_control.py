"""Steer a campaign from Prefect: pause, resume, cancel; and pause it when its run is cancelled.

Only the ledger is written. Running calls go on, and the next run of the campaign collects their results.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from prefect import Flow, State, get_run_logger, task
from prefect.blocks.core import Block
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import FlowRun
from prefect.logging.loggers import flow_run_logger

from flireo_flows.api.redaction import redact
from flireo_flows.blocks import CallLedger
from flireo_flows.ledger import Database, LedgerError
from flireo_flows.ledger.campaigns import CampaignControl, DeclinedError, Standing
from flireo_flows.ledger.notices import find_campaign
from flireo_flows.prefect_support.async_bridge import run_async

BY: Final = "prefect"  # who changed it, as the ledger names us


@task(name="Flireo: pause campaign", tags={"flireo"}, cache_policy=NO_CACHE)
def pause_campaign(ledger: CallLedger, campaign: str, reason: str = "") -> Standing:
    """Call no one of a campaign until it is resumed.

    Args:
        ledger: The record of who was called.
        campaign: Its name, or as an event's payload has it.
        reason: Why, in words.

    Raises:
        DeclinedError: There is no such campaign, or it is cancelled.
        LedgerError: The ledger cannot be opened or written.
    """
    return _steer(ledger, campaign, lambda steering: steering.pause(reason, BY))


@task(name="Flireo: resume campaign", tags={"flireo"}, cache_policy=NO_CACHE)
def resume_campaign(ledger: CallLedger, campaign: str) -> Standing:
    """Let a paused campaign call again, whoever paused it; its next run does.

    Args:
        ledger: The record of who was called.
        campaign: Its name, or as an event's payload has it.

    Raises:
        DeclinedError: There is no such campaign, or it is cancelled.
        LedgerError: The ledger cannot be opened or written.
    """
    return _steer(ledger, campaign, lambda steering: steering.resume(BY))


@task(name="Flireo: cancel campaign", tags={"flireo"}, cache_policy=NO_CACHE)
def cancel_campaign(ledger: CallLedger, campaign: str, reason: str = "") -> Standing:
    """Call no one of a campaign any more. Final.

    Args:
        ledger: The record of who was called.
        campaign: Its name, or as an event's payload has it.
        reason: Why, in words.

    Raises:
        DeclinedError: There is no such campaign.
        LedgerError: The ledger cannot be opened or written.
    """
    return _steer(ledger, campaign, lambda steering: steering.cancel(reason, BY))


def pause_when_cancelled(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Pause the campaign of a run that is cancelled: `@flow(on_cancellation=[pause_when_cancelled])`.

    Otherwise the next scheduled run would go on calling. The run's process is gone by then; this runs where
    it was started. The flow must have the parameters `campaign` and `ledger`.

    Args:
        flow: The flow.
        flow_run: Its run, with the parameters as Prefect keeps them.
        state: Not looked at.
    """
    logger = flow_run_logger(flow_run, flow)
    campaign = str(flow_run.parameters.get("campaign", ""))
    shown = redact(campaign)
    ledger = _ledger(flow_run.parameters.get("ledger"))
    if ledger is None:
        # A block that was never saved stands in the run's parameters without its secret.
        logger.warning(
            "Campaign %r cannot be paused, for its ledger is no saved block: run flireo-flows pause.",
            shown,
        )
        return
    try:
        standing = _change(ledger, campaign, lambda steering: steering.pause(CANCELLED, BY))
    except DeclinedError as nothing_to_pause:
        logger.info("%s", nothing_to_pause)
    except LedgerError as error:
        logger.error("Campaign %r is not paused: %s", shown, error)
    else:
        logger.info("Campaign %r is %s. Resume it with flireo-flows resume.", shown, standing.in_words)


CANCELLED: Final = "the Prefect run was cancelled"


Change = Callable[[CampaignControl], Awaitable[Standing]]


def _steer(ledger: CallLedger, campaign: str, change: Change) -> Standing:
    standing = _change(ledger, campaign, change)
    get_run_logger().info("Campaign %r is %s", redact(campaign), standing.in_words)
    return standing


def _change(ledger: CallLedger, campaign: str, change: Change) -> Standing:
    async def write() -> Standing:
        async with await Database.open(ledger.database_url(), existing=True) as database:
            name = await find_campaign(database, campaign)
            return await change(CampaignControl(database.campaign(name)))

    return run_async(write)


def _ledger(stored: Any) -> CallLedger | None:
    """The ledger behind a run's parameter; None if it is hidden."""
    if not isinstance(stored, Mapping):
        return stored if isinstance(stored, CallLedger) else None
    if loaded := _loaded(stored):
        return loaded if isinstance(loaded, CallLedger) else None
    url = str(stored.get("url", ""))
    is_hidden = _refers(stored) or (url and not url.strip("*"))
    return None if is_hidden else CallLedger.model_validate({"url": url})


def _refers(stored: Mapping[str, Any]) -> Any:
    document = stored.get("_block_document_id")
    return stored.get("$ref") or (document and {"block_document_id": document})


def _loaded(stored: Mapping[str, Any]) -> Block | None:
    """The saved block that a run's parameter refers to; None if there is none any more."""
    if not (reference := _refers(stored)):
        return None
    try:
        loaded = Block.load_from_ref(reference, _sync=True)  # type: ignore[call-arg]
    except ValueError:  # the document was deleted since
        return None
    return loaded if isinstance(loaded, Block) else None
