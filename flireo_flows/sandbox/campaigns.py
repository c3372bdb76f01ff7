"""Campaigns and their leads: their states, their moves, and the hours in which they call.

Source: contract section 17. A lead that was called has no status of its own: its call has.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from flireo_flows.api.campaigns import CampaignStatus, LeadStatus
from flireo_flows.sandbox.clock import iso, iso_or_none
from flireo_flows.sandbox.store import Record, SandboxCall

# What a client may ask for. `completed` comes by itself, and nothing comes after it.
MOVES: Final[Mapping[CampaignStatus, frozenset[CampaignStatus]]] = {
    CampaignStatus.DRAFT: frozenset({CampaignStatus.SCHEDULED, CampaignStatus.CANCELLED}),
    CampaignStatus.SCHEDULED: frozenset(
        {CampaignStatus.PAUSED, CampaignStatus.DRAFT, CampaignStatus.CANCELLED}
    ),
    CampaignStatus.PAUSED: frozenset(
        {CampaignStatus.SCHEDULED, CampaignStatus.DRAFT, CampaignStatus.CANCELLED}
    ),
    CampaignStatus.COMPLETED: frozenset(),
    CampaignStatus.CANCELLED: frozenset(),
}

# A call that was never answered ends for one of these reasons, or could not be made at all.
_UNHEARD: Final = frozenset({"no_answer", "busy"})


@dataclass(slots=True, eq=False)
class SandboxLead:
    """A person to call, once.

    Attributes:
        refused: No call could be placed.
        skipped: The campaign was cancelled before it was this lead's turn.
        call: The one attempt, once it was placed.
    """

    id: str
    campaign_id: str
    phone_number: str
    name: str | None
    variables: dict[str, str]
    created_ms: int
    attempts: int = 0
    attempted_ms: int | None = None
    refused: bool = False
    skipped: bool = False
    call: SandboxCall | None = None

    @property
    def status(self) -> LeadStatus:
        """Where it stands now."""
        if self.call is not None:
            return _status_of(self.call)
        if self.refused:
            return LeadStatus.FAILED
        return LeadStatus.SKIPPED if self.skipped else LeadStatus.PENDING

    def as_record(self) -> Record:
        """As the API shows it."""
        moved = self.call.updated_ms if self.call else 0
        return {
            "id": self.id,
            "campaign_id": self.campaign_id,
            "phone_number": self.phone_number,
            "name": self.name,
            "variables": self.variables,
            "status": self.status.value,
            "call_id": self.call.id if self.call else None,
            "attempts": self.attempts,
            "last_attempt_at": iso_or_none(self.attempted_ms),
            "created_at": iso(self.created_ms),
            "updated_at": iso(max(self.created_ms, self.attempted_ms or 0, moved)),
        }


def _status_of(call: SandboxCall) -> LeadStatus:
    if not call.is_over:
        return LeadStatus.CALLING
    if call.started_ms is not None:
        return LeadStatus.COMPLETED
    return LeadStatus.NO_ANSWER if call.end_reason in _UNHEARD else LeadStatus.FAILED


@dataclass(frozen=True, slots=True)
class DailyHours:
    """The hours of the day in which a campaign may call.

    Attributes:
        opens: Included. None: midnight.
        closes: Not included; before `opens` it is on the next day, and equal to it the window never opens.
            None: midnight.
        timezone: IANA name. None: UTC.
    """

    opens: time | None = None
    closes: time | None = None
    timezone: str | None = None

    def is_open(self, moment: datetime) -> bool:
        """Whether a moment (aware) is within it."""
        local = moment.astimezone(ZoneInfo(self.timezone or "UTC")).time()
        opens = self.opens or time.min
        if self.closes is None:
            return opens <= local
        if opens <= self.closes:
            return opens <= local < self.closes
        return local >= opens or local < self.closes


@dataclass(slots=True, eq=False)
class SandboxCampaign:
    """Leads, and when they are called.

    Attributes:
        round: Counts how often dialling started; a dialer of an earlier round stops.
    """

    id: str
    name: str
    agent_id: str
    created_ms: int
    updated_ms: int
    system_message_template: str | None = None
    window: DailyHours = field(default_factory=DailyHours)
    status: CampaignStatus = CampaignStatus.DRAFT
    leads: dict[str, SandboxLead] = field(default_factory=dict)
    round: int = 0

    @property
    def is_over(self) -> bool:
        """Nothing about it can change any more."""
        return not MOVES[self.status]

    def leads_in(self, *statuses: LeadStatus) -> Iterator[SandboxLead]:
        """Leads that stand there, oldest first."""
        return (lead for lead in self.leads.values() if lead.status in statuses)

    def skip_pending(self) -> None:
        """Skip the leads that wait."""
        for lead in self.leads_in(LeadStatus.PENDING):
            lead.skipped = True

    def as_record(self) -> Record:
        """As the API shows it. Leads that did not answer count as failed, so that the counters add up."""
        return {
            "id": self.id,
            "name": self.name,
            "agent_id": self.agent_id,
            "status": self.status.value,
            "system_message_template": self.system_message_template,
            "schedule_start_time": _text(self.window.opens),
            "schedule_end_time": _text(self.window.closes),
            "timezone": self.window.timezone,
            "total_leads": len(self.leads),
            "completed_leads": sum(1 for _ in self.leads_in(LeadStatus.COMPLETED)),
            "failed_leads": sum(1 for _ in self.leads_in(LeadStatus.FAILED, LeadStatus.NO_ANSWER)),
            "created_at": iso(self.created_ms),
            "updated_at": iso(self.updated_ms),
        }


def _text(hour: time | None) -> str | None:
    return None if hour is None else hour.isoformat("seconds")
