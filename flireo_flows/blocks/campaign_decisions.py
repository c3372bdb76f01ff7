"""What `FlireoCampaignJob` decides: which campaign is meant, which leads to add to it, whether it may be started.

Flireo calls every lead of a scheduled campaign, and takes the same number twice. So nothing here is sent again
when it is unknown whether it arrived: the campaign or its leads are read instead.
"""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from flireo_flows.api import errors
from flireo_flows.api.campaign_lookup import (
    CampaignError,
    CampaignRefusedError,
    Which,
    change,
    find,
    first_repeated,
    look_again,
    read_leads,
)
from flireo_flows.api.campaigns import (
    Campaign,
    CampaignChanges,
    CampaignLead,
    CampaignStatus,
    NewCampaign,
    NewCampaignLead,
    add_campaign_lead,
    create_campaign,
    get_campaign,
)
from flireo_flows.api.identity import comparable
from flireo_flows.api.procedure import PollTiming, Procedure, ask, note, poll
from flireo_flows.api.redaction import mask_phone, redact
from flireo_flows.blocks.campaign_gate import OPEN, Gate


class CampaignLeadResult(BaseModel):
    """What became of one person of a campaign.

    Attributes:
        status: `completed`, `failed`, `no_answer`, `skipped`; `pending` or `calling` while it goes on. Open.
        call_id: For `get_call`: transcript, summary, analysis. None if no call was placed.
        is_over: Whether the campaign is done with this person.
    """

    model_config = ConfigDict(frozen=True)

    lead_id: str
    phone_number: str = Field(default="", repr=False)
    status: str
    call_id: str | None = Field(default=None, repr=False)  # may hold the number
    attempts: int | None = None
    is_over: bool = False

    @classmethod
    def of(cls, lead: CampaignLead) -> Self:
        """A lead as the API has it."""
        return cls(
            lead_id=lead.id,
            phone_number=lead.phone_number,
            status=lead.status,
            call_id=lead.call_id,
            attempts=lead.attempts,
            is_over=lead.is_over,
        )


class CampaignResult(BaseModel):
    """What became of a campaign, as it stands.

    Attributes:
        status: Of the campaign (contract section 17.1). Open.
        counts: Leads by status.
        leads: Every lead, in the API's order.
        is_complete: The campaign is completed, every lead of it was read, and each is over.
    """

    model_config = ConfigDict(frozen=True)

    campaign_id: str
    name: str
    status: str
    counts: dict[str, int]
    leads: tuple[CampaignLeadResult, ...]
    is_complete: bool

    @classmethod
    def of(cls, campaign: Campaign, leads: Sequence[CampaignLead]) -> Self:
        """A campaign and its leads as the API has them."""
        everyone = campaign.total_leads is None or len(leads) >= campaign.total_leads
        over = all(lead.is_over for lead in leads)
        return cls(
            campaign_id=campaign.id,
            name=campaign.name,
            status=campaign.status,
            counts=dict(Counter(lead.status for lead in leads)),
            leads=tuple(CampaignLeadResult.of(lead) for lead in leads),
            is_complete=campaign.status == CampaignStatus.COMPLETED and everyone and over,
        )


class Duplicates(StrEnum):
    """What to do with a number that the campaign holds already, or that is given twice."""

    REFUSE = "refuse"  # add no one, and say which
    SKIP = "skip"  # add the others: what a run that is repeated wants
    ALLOW = "allow"  # add it again, and call it again


class CampaignCancelledError(CampaignError):
    """The campaign was cancelled before it was completed."""


class CampaignNotOverError(CampaignError, TimeoutError):
    """The time is up, and the campaign is still going on or paused. It goes on without us."""


def found(which: Which) -> Procedure[Campaign]:
    """The campaign. Raises `CampaignRefusedError` if there is none yet."""
    campaign = yield from find(which)
    if campaign is None:
        name = which.new.name if which.new else which.campaign_id
        raise CampaignRefusedError(f"there is no campaign {redact(name)!r} yet: add leads, which makes it")
    return campaign


def add_leads(
    which: Which, leads: Sequence[NewCampaignLead], duplicates: Duplicates, gate: Gate = OPEN
) -> Procedure[list[CampaignLead]]:
    """Add people to a campaign, which is made if it goes by its name and there is none yet.

    Returns:
        The leads that were added.

    Raises:
        CampaignRefusedError: A number is there already, must not be called, or the campaign is over. No one was
            added, or no one after the leads that the log names.
        OutcomeUnknown: It is unknown whether a lead was added; none was added after it.
    """
    wanted = yield from gate.passing(_without_repeats(leads, duplicates))
    campaign = yield from find(which)
    if campaign is None and which.new is not None:
        return (yield from _make(which, which.new, wanted, gate))
    campaign = campaign or (yield from found(which))
    there = yield from read_leads(campaign.id)
    if duplicates is not Duplicates.ALLOW:
        wanted = _who_is_new(there, wanted, duplicates)
    if campaign.is_over and wanted:
        raise CampaignRefusedError(f"the campaign is {campaign.status}: no one can be added to it")
    return (yield from _add_each(campaign.id, wanted, {lead.id for lead in there}, gate))


def start(which: Which, duplicates: Duplicates, gate: Gate = OPEN) -> Procedure[Campaign]:
    """Have a campaign call its leads; nothing is sent if it does so already, or is over.

    Raises:
        CampaignRefusedError: It is paused, empty, without hours, in a status that we do not know, holds a number
            twice and that is not allowed, or one that must not be called.
    """
    campaign = yield from found(which)
    if campaign.status == CampaignStatus.SCHEDULED or campaign.is_over:
        yield from note(f"the campaign is {campaign.status} already: nothing is started")
        return campaign
    if campaign.status == CampaignStatus.PAUSED:
        raise CampaignRefusedError("the campaign is paused: resume it, if it may call again")
    if campaign.status != CampaignStatus.DRAFT:
        raise CampaignRefusedError(
            f"the campaign has a status that we do not know: {redact(campaign.status)!r}"
        )
    if campaign.total_leads == 0:
        raise CampaignRefusedError("the campaign has no leads: add some first")
    return (yield from _schedule(campaign, which.new, duplicates, gate))


def pause_campaign(which: Which) -> Procedure[Campaign]:
    """Stop new calls; running ones go on. Nothing is sent if it is paused already, or over."""
    campaign = yield from found(which)
    if campaign.status == CampaignStatus.PAUSED or campaign.is_over:
        return campaign
    return (yield from change(campaign.id, CampaignChanges(status=CampaignStatus.PAUSED)))


def resume(which: Which, duplicates: Duplicates, gate: Gate = OPEN) -> Procedure[Campaign]:
    """Let a paused campaign call again; nothing is sent if it does so already.

    Raises:
        CampaignRefusedError: It was never started, is over, has no hours, or holds a number twice or one that must
            not be called.
    """
    campaign = yield from found(which)
    if campaign.status == CampaignStatus.SCHEDULED:
        return campaign
    if campaign.status != CampaignStatus.PAUSED:
        raise CampaignRefusedError(f"the campaign is {redact(campaign.status)}, not paused")
    return (yield from _schedule(campaign, which.new, duplicates, gate))


def wait(campaign_id: str, patience: PollTiming) -> Procedure[Campaign]:
    """Wait until a campaign is completed. While it is paused it may go on, so that is no end.

    Raises:
        CampaignCancelledError: It was cancelled.
        CampaignNotOverError: The time is up.
    """
    watched = yield from poll(
        get_campaign(campaign_id), lambda campaign: campaign.is_over, patience, _describe
    )
    if watched.is_so and watched.last is not None:
        if watched.last.status == CampaignStatus.CANCELLED:
            raise CampaignCancelledError(f"the campaign was cancelled; {_describe(watched.last)}")
        return watched.last
    words = _describe(watched.last) if watched.last else "no poll was answered"
    trouble = f" The last poll failed: {watched.trouble}" if watched.trouble else ""
    raise CampaignNotOverError(
        f"the campaign is not over after {patience.seconds:g} s: {words}. It goes on by itself.{trouble}"
    )


def result(campaign_id: str) -> Procedure[CampaignResult]:
    """What became of a campaign, as it stands."""
    campaign = yield from ask(get_campaign(campaign_id))
    leads = yield from read_leads(campaign_id)
    return CampaignResult.of(campaign, leads)


def _schedule(
    campaign: Campaign, new: NewCampaign | None, duplicates: Duplicates, gate: Gate
) -> Procedure[Campaign]:
    """Have it call, in the hours of the block if it has some."""
    if duplicates is not Duplicates.ALLOW or gate is not OPEN:
        there = yield from read_leads(campaign.id)
        if duplicates is not Duplicates.ALLOW:
            # Two runs may have added the same people at once, or a lead arrived long after it was sent.
            _refuse_repeats(there)
        gate.refuse_waiting(there)  # a lead may have opted out since it was added
    if new is not None:
        changes = CampaignChanges(
            status=CampaignStatus.SCHEDULED,
            schedule_start_time=new.schedule_start_time,
            schedule_end_time=new.schedule_end_time,
            timezone=new.timezone,
        )
        return (yield from change(campaign.id, changes))
    if not (campaign.schedule_start_time and campaign.schedule_end_time and campaign.timezone):
        raise CampaignRefusedError(
            "the campaign has no hours, or no time zone: it could call at night. Set them first"
        )
    return (yield from change(campaign.id, CampaignChanges(status=CampaignStatus.SCHEDULED)))


def _make(
    which: Which, new: NewCampaign, wanted: list[NewCampaignLead], gate: Gate
) -> Procedure[list[CampaignLead]]:
    """Make the campaign with its leads in one request: a draft, which calls no one."""
    wanted = yield from gate.passing(wanted)
    try:
        made = yield from ask(create_campaign(new.model_copy(update={"leads": tuple(wanted)})))
    except errors.OutcomeUnknown as unknown:
        made = yield from look_again(lambda: find(which), unknown)
    # Another run may have made one at the same moment; both are drafts, and this refuses both.
    yield from find(which)
    there = yield from read_leads(made.id)
    missing = _who_is_new(there, wanted, Duplicates.SKIP)  # some servers take no leads here
    return there + (yield from _add_each(made.id, missing, {lead.id for lead in there}, gate))


def _add_each(
    campaign_id: str, wanted: Sequence[NewCampaignLead], known: set[str], gate: Gate
) -> Procedure[list[CampaignLead]]:
    added: list[CampaignLead] = []
    try:
        for each in wanted:
            # Asked again for each: thousands take an hour, and a lead may opt out meanwhile.
            for lead in (yield from gate.passing([each])):
                added.append((yield from _add(campaign_id, lead, known)))
                known.add(added[-1].id)
    except Exception:
        yield from note(f"{len(added)} of {len(wanted)} leads were added before it failed")
        raise
    return added


def _add(campaign_id: str, lead: NewCampaignLead, known: set[str]) -> Procedure[CampaignLead]:
    """Add a lead once. If it is unknown whether that arrived, look for it in the list."""
    try:
        return (yield from ask(add_campaign_lead(campaign_id, lead)))
    except errors.OutcomeUnknown as unknown:
        return (yield from look_again(lambda: _arrived(campaign_id, lead, known), unknown))


def _arrived(campaign_id: str, lead: NewCampaignLead, known: set[str]) -> Procedure[CampaignLead | None]:
    """A lead of that number which was not there before."""
    number = comparable(lead.phone_number)
    there = yield from read_leads(campaign_id)
    return next(
        (one for one in there if one.id not in known and comparable(one.phone_number) == number), None
    )


def _without_repeats(leads: Sequence[NewCampaignLead], duplicates: Duplicates) -> list[NewCampaignLead]:
    if duplicates is Duplicates.ALLOW:
        return list(leads)
    first = {comparable(lead.phone_number): lead for lead in reversed(leads)}
    wanted = [lead for lead in leads if first[comparable(lead.phone_number)] is lead]
    if len(wanted) < len(leads) and duplicates is Duplicates.REFUSE:
        twice = next(lead for lead in leads if first[comparable(lead.phone_number)] is not lead)
        raise CampaignRefusedError(
            f"{mask_phone(twice.phone_number)} is given twice, and would be called twice"
        )
    return wanted


def _who_is_new(
    there: Sequence[CampaignLead], wanted: Sequence[NewCampaignLead], duplicates: Duplicates
) -> list[NewCampaignLead]:
    taken = {comparable(lead.phone_number) for lead in there}
    if "" in taken and wanted:
        raise CampaignRefusedError(
            "the campaign holds a lead whose number cannot be read, so it is unknown who is in it already"
        )
    new = [lead for lead in wanted if comparable(lead.phone_number) not in taken]
    if len(new) < len(wanted) and duplicates is Duplicates.REFUSE:
        old = next(lead for lead in wanted if comparable(lead.phone_number) in taken)
        raise CampaignRefusedError(
            f"{mask_phone(old.phone_number)} is in the campaign already, and would be called twice; no one was added"
        )
    return new


def _refuse_repeats(there: Sequence[CampaignLead]) -> None:
    """Raise if a lead that is still to be called is in a campaign more than once."""
    lead = first_repeated(there)
    if lead is not None:
        raise CampaignRefusedError(
            f"{mask_phone(lead.phone_number)} is in the campaign more than once, and would be called twice: "
            "remove all but one of those leads; nothing was started"
        )


def _describe(campaign: Campaign) -> str:
    """A campaign in one line."""
    counts = (campaign.completed_leads, campaign.failed_leads, campaign.total_leads)
    completed, failed, total = ("?" if count is None else count for count in counts)
    return f"campaign {redact(campaign.status)}: {completed} leads completed, {failed} failed, of {total}"
