"""Steer a campaign from Prefect: pause, resume, cancel; and pause it when its run is cancelled.

The ledger is written, and Flireo told where it rings the leads by itself. Calls that run go on, and the next run of
the campaign collects their results.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from prefect import Flow, State, get_run_logger, task
from prefect.blocks.core import Block
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import FlowRun
from prefect.logging.loggers import flow_run_logger

from flireo_flows.api.redaction import redact
from flireo_flows.blocks import CallLedger, FlireoCredentials
from flireo_flows.calling.handover import NotTold, tell
from flireo_flows.calling.ledger import Database, LedgerError
from flireo_flows.calling.ledger.campaigns import Declined, Standing, Steering
from flireo_flows.calling.ledger.naming import find_campaign
from flireo_flows.calling.states import CampaignState
from flireo_flows.driving import drive

BY: Final = "prefect"  # who changed it, as the ledger names us


@task(name="Flireo: pause campaign", tags={"flireo"}, cache_policy=NO_CACHE)
def pause_campaign(
    ledger: CallLedger, campaign: str, reason: str = "", credentials: FlireoCredentials | None = None
) -> Standing:
    """Ring nobody of a campaign until it is resumed.

    Args:
        ledger: Where it is kept who was rung.
        campaign: Its name, or as an event's payload has it.
        reason: Why, in words.
        credentials: The API key, needed where the leads were handed to a campaign of Flireo's own.

    Raises:
        NotTold: The leads are Flireo's to ring, and it could not be told.
        Declined: There is no such campaign, or it is cancelled.
        LedgerError: The ledger cannot be opened or written.
    """
    return _steer(ledger, campaign, lambda steering: steering.pause(reason, BY), credentials)


@task(name="Flireo: resume campaign", tags={"flireo"}, cache_policy=NO_CACHE)
def resume_campaign(ledger: CallLedger, campaign: str) -> Standing:
    """Let a paused campaign ring again, whoever paused it; its next run does.

    Args:
        ledger: Where it is kept who was rung.
        campaign: Its name, or as an event's payload has it.

    Raises:
        Declined: There is no such campaign, or it is cancelled.
        LedgerError: The ledger cannot be opened or written.
    """
    return _steer(ledger, campaign, lambda steering: steering.resume(BY))


@task(name="Flireo: cancel campaign", tags={"flireo"}, cache_policy=NO_CACHE)
def cancel_campaign(
    ledger: CallLedger, campaign: str, reason: str = "", credentials: FlireoCredentials | None = None
) -> Standing:
    """Ring nobody of a campaign any more. Final.

    Args:
        ledger: Where it is kept who was rung.
        campaign: Its name, or as an event's payload has it.
        reason: Why, in words.
        credentials: The API key, needed where the leads were handed to a campaign of Flireo's own.

    Raises:
        NotTold: The leads are Flireo's to ring, and it could not be told.
        Declined: There is no such campaign.
        LedgerError: The ledger cannot be opened or written.
    """
    return _steer(ledger, campaign, lambda steering: steering.cancel(reason, BY), credentials)


def pause_when_cancelled(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Pause the campaign of a run that is cancelled: `@flow(on_cancellation=[pause_when_cancelled])`.

    Otherwise the next scheduled run would go on ringing. The run's process is gone by then; this runs where
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
    credentials = _credentials(flow_run.parameters.get("credentials"))
    if ledger is None:
        # A block that was never saved stands in the run's parameters without its secret.
        logger.warning(
            "Campaign %r cannot be paused, for its ledger is no saved block: run flireo-flows pause.",
            shown,
        )
        return
    try:
        standing, _ = _change(ledger, campaign, lambda steering: steering.pause(CANCELLED, BY), credentials)
    except Declined as nothing_to_pause:
        logger.info("%s", nothing_to_pause)
    except NotTold as error:
        logger.error("Campaign %r is paused here, but %s", shown, error)
    except LedgerError as error:
        logger.error("Campaign %r is not paused: %s", shown, error)
    else:
        logger.info("Campaign %r is %s. Resume it with flireo-flows resume.", shown, standing.in_words)


CANCELLED: Final = "the Prefect run was cancelled"


Change = Callable[[Steering], Awaitable[Standing]]


def _steer(
    ledger: CallLedger, campaign: str, change: Change, credentials: FlireoCredentials | None = None
) -> Standing:
    standing, notice = _change(ledger, campaign, change, credentials)
    get_run_logger().info("Campaign %r is %s", redact(campaign), standing.in_words)
    if notice:
        get_run_logger().warning("Campaign %r: %s", redact(campaign), notice)
    return standing


def _change(
    ledger: CallLedger, campaign: str, change: Change, credentials: FlireoCredentials | None
) -> tuple[Standing, str]:
    """Returns how it stands, and what Flireo did not do as it was told."""

    async def write() -> tuple[Standing, str]:
        async with await Database.open(ledger.database_url()) as database:
            name = await find_campaign(database, campaign)
            standing = await change(Steering(database, name))
            if standing.state is CampaignState.OPEN:
                return standing, ""
            return standing, await tell(database, credentials.account() if credentials else None, name)

    return drive(write)


def _ledger(stored: Any) -> CallLedger | None:
    """The ledger behind a run's parameter; None if it is hidden."""
    if not isinstance(stored, Mapping):
        return stored if isinstance(stored, CallLedger) else None
    if loaded := _loaded(stored):
        return loaded if isinstance(loaded, CallLedger) else None
    url = str(stored.get("url", ""))
    is_hidden = _refers(stored) or (url and not url.strip("*"))
    return None if is_hidden else CallLedger.model_validate({"url": url})


def _credentials(stored: Any) -> FlireoCredentials | None:
    """The key behind a run's parameter; None if it is hidden, as it is unless the block was saved."""
    if isinstance(stored, FlireoCredentials):
        return stored
    loaded = _loaded(stored) if isinstance(stored, Mapping) else None
    return loaded if isinstance(loaded, FlireoCredentials) else None


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
