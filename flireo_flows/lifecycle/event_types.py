"""What can happen to calls and campaigns that others want to hear of."""

from enum import StrEnum
from typing import Final


class LedgerEvent(StrEnum):
    """What can happen; the names of the Prefect events."""

    CALL_ENDED = "flireo.call.ended"
    CALL_AMENDED = "flireo.call.amended"  # a late report changed the outcome or the analysis of an ended call
    NEEDS_REVIEW = "flireo.call.needs-review"
    CAMPAIGN_STARTED = "flireo.campaign.started"
    CAMPAIGN_PAUSED = "flireo.campaign.paused"
    CAMPAIGN_RESUMED = "flireo.campaign.resumed"
    CAMPAIGN_CANCELLED = "flireo.campaign.cancelled"
    CAMPAIGN_FINISHED = "flireo.campaign.finished"
    CAMPAIGN_INCOMPLETE = "flireo.campaign.incomplete"  # too many ended calls lack their report or analysis
    CREDITS_LOW = "flireo.credits.low"
    DEAD_LETTER = "flireo.inbox.dead-letter"
    REPORTS_WAITING = "flireo.reports.waiting"  # reports came in and no run is there to read them


# Said once for a key, however long ago.
ONCE: Final = (LedgerEvent.CAMPAIGN_STARTED, LedgerEvent.CAMPAIGN_FINISHED, LedgerEvent.CAMPAIGN_INCOMPLETE)
