"""What must hold before a campaign of Flireo's own is filled or started, and how it is made."""

from collections.abc import Sequence
from typing import Final, Self

from flireo_flows.api.campaign_rules import CampaignRefused, first_repeated
from flireo_flows.api.campaigns import Campaign, CampaignLead, CampaignStatus
from flireo_flows.api.redaction import mask_phone, redact
from flireo_flows.calling.account import NotReady
from flireo_flows.calling.handover.window import CannotHandOver
from flireo_flows.calling.policy import WEEKDAYS, CallingHours, CallingPolicy

UNLIMITED: Final = 1_000_000_000
NOT_THERE: Final = "its campaign is not there under this key: it was deleted, or is another account's"
ANOTHER_KEY: Final = "was handed over under another API key"
KNOWN: Final = frozenset(str(status) for status in CampaignStatus)
QUIET: Final = (CampaignStatus.DRAFT, CampaignStatus.PAUSED)  # rings nobody until somebody has it ring


class TakenOver(CampaignRefused):
    """Another run has Flireo's campaign now, so it is not this one's to change, nor to pause."""

    @classmethod
    def by_another_run(cls) -> Self:
        """Says why."""
        return cls("another run took this campaign over, for this one was not heard of for long")


def dialled_before(campaign: str) -> CannotHandOver:
    """Why a campaign is not handed over: nothing of a hand-over would know whom we rang."""
    return CannotHandOver(
        f"campaign {redact(campaign)!r} was dialled directly before: go on with mode 'direct', "
        "or take another campaign name"
    )


def handed_over_before(campaign: str) -> NotReady:
    """Why a campaign is not dialled directly: nothing of the dialling would know whom Flireo rings."""
    return NotReady(
        f"the leads of campaign {redact(campaign)!r} were handed to a campaign of Flireo's own, which may be ringing "
        "them: go on with mode 'flireo', or use another campaign name for other people."
    )


def refuse_over(campaign: Campaign) -> None:
    """Raise if nobody can be added to Flireo's campaign any more."""
    if campaign.is_over:
        raise CampaignRefused(
            f"campaign {redact(campaign.name)!r} is {redact(campaign.status)} at Flireo, which takes no more leads: "
            "ring the others under another campaign name"
        )


def may_ring(campaign: Campaign) -> bool:
    """Whether Flireo may be ringing its leads, or begin to: so it may under a status that we do not know."""
    return not campaign.is_over and campaign.status not in QUIET


def refuse_unknown(campaign: Campaign) -> None:
    """Raise if nobody can say what Flireo does with its campaign now."""
    if campaign.status not in KNOWN:
        raise CampaignRefused(
            f"campaign {redact(campaign.name)!r} has a status at Flireo that is not known here "
            f"({redact(campaign.status)}), so it is paused: look at it in Flireo's dashboard, and run again to have it "
            "go on"
        )


def refuse_strangers(there: Sequence[CampaignLead], known: set[str]) -> None:
    """Raise if a lead in Flireo's campaign, not rung yet, was put there by nobody, twice, or by somebody else.

    Raises:
        CampaignRefused: Says which.
    """
    repeated = first_repeated(there)
    if repeated is not None:
        raise in_there_twice(repeated.phone_number)
    strangers = [lead for lead in there if lead.id not in known and not lead.is_over]
    if strangers:
        raise CampaignRefused(
            f"Flireo's campaign holds {len(strangers)} leads that this ledger did not put there, the first "
            f"{mask_phone(strangers[0].phone_number)}: remove them there, for no rule was looked at; "
            "nothing was started"
        )


def in_there_twice(phone: str) -> CampaignRefused:
    """Why a campaign is not started: somebody would be rung twice.

    Args:
        phone: Theirs; it is shown masked.
    """
    return CampaignRefused(
        f"{mask_phone(phone)} is in Flireo's campaign more than once, and would be rung twice: "
        "remove one of the leads there; nothing was started"
    )


def without_hours(policy: CallingPolicy) -> CallingPolicy:
    """The rules by which leads are handed over: the hours are those of Flireo's campaign, so is the pace.

    Who has no time zone is denied all the same, where there are calling hours.
    """
    hours = CallingHours(start="00:00", end="24:00", weekdays=list(WEEKDAYS))
    changes = {"calling_hours": hours if policy.calling_hours else None, "max_concurrent_calls": UNLIMITED}
    return policy.model_copy(update=changes)
