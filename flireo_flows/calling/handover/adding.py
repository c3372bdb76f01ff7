"""Put one lead into Flireo's campaign: one attempt, one POST, in time or not at all."""

from collections.abc import Callable
from dataclasses import dataclass, field

from flireo_flows.api import errors
from flireo_flows.api.campaigns import NewCampaignLead, add_campaign_lead
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.calling.choice import CannotCompose
from flireo_flows.calling.dialer import MOST_REFUSALS, STOPPING
from flireo_flows.calling.endings import EVENTS, Ending, ending_of, in_words
from flireo_flows.calling.handover.words import Words
from flireo_flows.calling.ledger import Attempt, Database
from flireo_flows.calling.ledger.handed import Added
from flireo_flows.calling.states import Event, LeadState


@dataclass(slots=True)
class Adder:
    """Adds leads for one runner.

    Attributes:
        words: What is handed over with each.
        before: Until when a request may go out that was decided at a time (Unix seconds of the ledger's clock), in
            Unix seconds of the client's.
        stopped_by: Why nobody else may be handed over; None while they may.
    """

    client: AsyncFlireoClient
    database: Database
    words: Words
    before: Callable[[float], float]
    stopped_by: Exception | None = None
    _refusals: int = field(default=0, init=False)

    async def add(self, campaign_id: str, attempt: Attempt) -> Added:
        """Send the one request that adds a lead. Never raises for anything that Flireo or the network did.

        Args:
            campaign_id: Of Flireo's campaign.
            attempt: Committed already.
        """
        if self.stopped_by is not None:
            return Added(attempt.id, Event.REFUSED, reason="not sent: the run stopped")
        try:
            lead = NewCampaignLead(phone_number=attempt.phone, variables=self.words.variables(attempt.facts))
            request = add_campaign_lead(campaign_id, lead)
            # Late, it would add somebody whom another run found missing, and added itself.
            before = self.before(attempt.began_at)
            added = await self.client.send(request, before=before, unless=lambda: self.stopped_by is not None)
        except CannotCompose as problem:
            return Added(attempt.id, Event.REFUSED, reason=str(problem), lead=LeadState.REVIEW)
        except errors.FlireoError as error:
            return self._judge(attempt, error)
        self._refusals = 0
        return Added(attempt.id, EVENTS[Ending.PLACED], vendor_lead_id=added.id)

    def _judge(self, attempt: Attempt, error: errors.FlireoError) -> Added:
        event, reason = EVENTS[ending_of(error)], in_words(error)
        if event is Event.LOST:
            return Added(attempt.id, event, reason=reason)
        if isinstance(error, errors.NotSent) and error.text in errors.TOO_LATE:
            return Added(attempt.id, event, reason=reason)
        if isinstance(error, (*STOPPING, errors.NotSent)):
            self.stopped_by = self.stopped_by or error
        if isinstance(error, errors.BadRequest | errors.Unprocessable | errors.InvalidInput):
            self._refusals += 1
            if self._refusals >= MOST_REFUSALS:
                self.stopped_by = self.stopped_by or error
            return Added(attempt.id, event, reason=reason, lead=LeadState.REVIEW)
        again = self.database.now() + (error.retry_after or 1.0)
        return Added(attempt.id, event, reason=reason, not_before=again)
