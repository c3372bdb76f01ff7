"""Send the notices of a ledger's outbox to Prefect, as events: once each, at a rate the server can take.

A notice counts as sent once the server has confirmed it. What a process that is killed before that had in hand is
sent by the next one, under the same id, by which Prefect knows a repetition.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final
from uuid import uuid5

from prefect.events import Event, RelatedResource, Resource
from prefect.events.clients import get_events_client
from prefect.runtime import flow_run

from flireo_flows.ledger import Database, LedgerError
from flireo_flows.ledger.notices import Notice, label_names, read_notices
from flireo_flows.ledger.outbox import OF_CALLS, Outbox, Posted, post_reports_waiting

ROUND_SECONDS: Final = 2.0
A_ROUND: Final = 40  # events: 20 a second; a Prefect server on SQLite stores about 70 a second of all kinds
# With more than so many waiting, ended calls are sent by the fifty, in events of their own kind: an outage of hours
# must neither flood the server nor start thousands of runs at once.
BACKLOG: Final = 500
AT_ONCE: Final = 50
CALLS_ENDED: Final = "flireo.calls.ended"
HASTE_SECONDS: Final = 0.5  # between two rounds at a run's end
GOODBYE_SECONDS: Final = 5.0  # a run that ends waits so long for what it has not sent
RECONNECTIONS: Final = 2
LOOK_SECONDS: Final = 5.0  # how often to look whether reports wait
LONGEST_PAUSE_SECONDS: Final = 60.0
PRUNING_SECONDS: Final = 3600.0  # between two looks for notices that are old

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Publisher:
    """Sends one ledger's notices. Any number of them, in any processes, share the work.

    Attributes:
        database: The ledger.
        flow_run_id: The run that the events are shown with; empty for none.
    """

    database: Database
    flow_run_id: str = ""
    _failures: int = field(default=0, init=False)

    async def publish(self) -> int:
        """Send one round of notices. Returns how many there were; 0 also when Prefect is not reached."""
        box = Outbox(self.database)
        waiting = await box.unsent()
        if not waiting:
            return 0
        is_backlog = waiting > BACKLOG
        claiming = asyncio.ensure_future(box.claim(BACKLOG if is_backlog else A_ROUND))
        try:
            posted = await asyncio.shield(claiming)
            notices = await read_notices(self.database, posted)
            pairs = zip(posted, notices, strict=True)
            await box.keep({it.id: label_names(notice) for it, notice in pairs if it.event in OF_CALLS})
            await self._send(list(_events(notices, self.flow_run_id, is_backlog)))
        except asyncio.CancelledError:
            # The run ends. What may have arrived is sent again under its id, by whoever comes first.
            await asyncio.shield(_give_back(box, claiming))
            raise
        except (
            Exception
        ) as error:  # the client raises bare ones as well; sending events never stops the calling
            self._failed(error)
            await _give_back(box, claiming)
            return 0
        if is_backlog:
            logger.warning("%d notices waited: ended calls are sent together as %s", waiting, CALLS_ENDED)
        self._failures = 0
        await box.sent(it.id for it in posted)
        return len(posted)

    async def publish_forever(self) -> None:
        """Send what there is every two seconds, and more seldom while Prefect is not reached."""
        box, clock, prunes_at = Outbox(self.database), asyncio.get_running_loop(), 0.0
        while True:
            with suppress(LedgerError):  # reported by whoever needs the ledger for more than this
                await self.publish()
                if clock.time() >= prunes_at:
                    await box.prune()
                    prunes_at = clock.time() + PRUNING_SECONDS
            await asyncio.sleep(min(LONGEST_PAUSE_SECONDS, ROUND_SECONDS * 2.0**self._failures))

    async def drain(self, seconds: float) -> int:
        """Send what there is, for so long at most. Returns how many notices are left for others to send."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._publish_all()
        return await Outbox(self.database).unsent()

    async def _publish_all(self) -> None:
        sent = await self.publish()
        while sent >= A_ROUND:
            await asyncio.sleep(HASTE_SECONDS)
            sent = await self.publish()

    async def _send(self, events: Sequence[Event]) -> None:
        """All of them, confirmed: the client asks the server after so many whether it has them."""
        if not events:
            return
        client = get_events_client(reconnection_attempts=RECONNECTIONS, checkpoint_every=len(events))
        async with client:
            for event in events:
                await client.emit(event)

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        if self._failures == 1:
            logger.warning(
                "events could not be sent to Prefect (%s); they wait in the ledger", type(error).__name__
            )


async def announce_forever(ledger_url: str) -> None:
    """For a process that runs all the time, such as the webhook receiver: send notices, and report when reports wait.

    Args:
        ledger_url: See `Database.open`.
    """
    async with await Database.open(ledger_url) as database:
        publisher = Publisher(database)
        beside = asyncio.create_task(publisher.publish_forever())
        try:
            while True:
                with suppress(LedgerError):  # the receiver reports it itself
                    await post_reports_waiting(database)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            beside.cancel()
            await asyncio.gather(beside, return_exceptions=True)


async def _give_back(box: Outbox, claiming: "asyncio.Future[list[Posted]]") -> None:
    """Let others send what was claimed, also where the claim itself was under way."""
    await box.give_back([it.id for it in await claiming])


@asynccontextmanager
async def publishing(database: Database) -> AsyncIterator[None]:
    """Send notices beside whatever the block does, and at its end what is left, for five seconds.

    What is left then is sent by the next run, by the collector, or by the webhook receiver.
    """
    publisher = Publisher(database, flow_run.get_id() or "")
    beside = asyncio.create_task(publisher.publish_forever())
    try:
        yield
    finally:
        beside.cancel()
        await asyncio.gather(beside, return_exceptions=True)
    with suppress(LedgerError):
        if left := await publisher.drain(GOODBYE_SECONDS):
            logger.warning("%d events wait in the ledger to be sent to Prefect", left)


def _events(notices: Sequence[Notice], flow_run_id: str, is_backlog: bool) -> Iterator[Event]:
    """As events; of a backlog the ended calls of each campaign together."""
    ended = [it for it in notices if is_backlog and it.ends_call]
    for notice in notices:
        if notice not in ended:
            yield _event(notice, flow_run_id)
    for campaign, calls in groupby(sorted(ended, key=lambda it: it.campaign), lambda it: it.campaign):
        of_campaign = list(calls)
        for start in range(0, len(of_campaign), AT_ONCE):
            yield _together(campaign, of_campaign[start : start + AT_ONCE], flow_run_id)


def _event(notice: Notice, flow_run_id: str) -> Event:
    about = {"flireo.campaign": notice.campaign, "flireo.lead": str(notice.lead_id or "")}
    return Event(
        id=notice.id,
        event=notice.event,
        occurred=notice.occurred_at,
        resource=Resource(
            {"prefect.resource.id": notice.resource, **_campaign_label(notice), **notice.labels}
        ),
        related=list(_related(about, notice.resource, flow_run_id)),
        payload=dict(notice.payload),
    )


def _together(campaign: str, calls: Sequence[Notice], flow_run_id: str) -> Event:
    return Event(
        id=uuid5(calls[0].id, f"{calls[-1].id}"),
        event=CALLS_ENDED,
        occurred=calls[-1].occurred_at,
        resource=Resource(
            {"prefect.resource.id": f"flireo.campaign.{campaign}", "flireo.campaign": campaign}
        ),
        related=list(_related({}, "", flow_run_id)),
        payload={"campaign": campaign, "calls": [dict(call.payload) for call in calls]},
    )


def _campaign_label(notice: Notice) -> dict[str, str]:
    return {"flireo.campaign": notice.campaign} if notice.campaign else {}


def _related(about: Mapping[str, str], but: str, flow_run_id: str) -> Iterable[RelatedResource]:
    """Campaign and lead, by which an event is found in the UI, and the run; not what it is about already."""
    for kind, name in about.items():
        if name and f"{kind}.{name}" != but:
            labels = {"role": kind.rpartition(".")[2], "name": name}
            yield RelatedResource(
                {"prefect.resource.id": f"{kind}.{name}"}
                | {f"prefect.resource.{label}": value for label, value in labels.items()}
            )
    if flow_run_id:
        yield RelatedResource(
            {"prefect.resource.id": f"prefect.flow-run.{flow_run_id}", "prefect.resource.role": "flow-run"}
        )
