"""Find and change one of Flireo's own campaigns without doing anything twice.

Flireo calls every lead of a scheduled campaign, and accepts the same number twice. So nothing here is sent again
when it is unknown whether it arrived: the campaign or its leads are read instead.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from flireo_flows.api import errors
from flireo_flows.api.campaigns import (
    Campaign,
    CampaignChanges,
    CampaignLead,
    NewCampaign,
    get_campaign,
    list_campaigns,
    update_campaign,
)
from flireo_flows.api.identity import comparable, name_key
from flireo_flows.api.pagination import lead_pages, walk
from flireo_flows.api.procedure import Procedure, ask, pause
from flireo_flows.api.redaction import redact

T = TypeVar("T")

LOOK_AGAIN_SECONDS: Final = (0.0, 2.0, 5.0)  # pauses before each look for what may have arrived


class CampaignError(Exception):
    """Something about a campaign of Flireo. Holds no full phone number."""


class CampaignRefusedError(CampaignError):
    """It was not sent: someone could be called twice or at a bad hour, or nothing would happen."""


class AmbiguousCampaignError(CampaignRefusedError):
    """Several campaigns have the name, or the one that has it is not the one that is meant."""


@dataclass(frozen=True, slots=True)
class Which:
    """Which campaign is meant.

    Attributes:
        campaign_id: Its id; empty if it goes by its name.
        new: What to make if there is none of that name; None if it goes by its id.
    """

    campaign_id: str
    new: NewCampaign | None


def find(which: Which) -> Procedure[Campaign | None]:
    """The campaign; None if it goes by its name and there is none yet.

    Raises:
        AmbiguousCampaignError: Several have the name, or the one that has it has another agent.
        NotFound: There is none of that id.
    """
    if which.new is None:
        return (yield from ask(get_campaign(which.campaign_id)))
    if not name_key(which.new.name):
        raise CampaignRefusedError("the campaign's name needs a character that can be seen")
    every = yield from ask(list_campaigns())
    same = [campaign for campaign in every if name_key(campaign.name) == name_key(which.new.name)]
    if len(same) > 1:
        ids = redact(", ".join(campaign.id for campaign in same))
        raise AmbiguousCampaignError(
            f"{len(same)} campaigns are named {redact(which.new.name)!r} ({ids}); "
            "look at their leads, and give the campaign_id of the one that is meant"
        )
    if same and same[0].agent_id not in (None, which.new.agent_id):
        raise AmbiguousCampaignError(
            f"the campaign {redact(which.new.name)!r} exists with the agent {redact(same[0].agent_id or '')}, "
            f"not {redact(which.new.agent_id)}: give the agent that it has, or its campaign_id"
        )
    return same[0] if same else None


def read_leads(campaign_id: str) -> Procedure[list[CampaignLead]]:
    """Every lead of a campaign, oldest first: see `flireo_flows.api.pagination`."""
    leads: list[CampaignLead] = []
    step = next(steps := walk(lead_pages(campaign_id)))
    while step.asks is not None:
        step = steps.send((yield from ask(step.asks)))
        leads.extend(step.rows)
    return leads


def change(campaign_id: str, changes: CampaignChanges) -> Procedure[Campaign]:
    """Change a campaign's status; after an unknown outcome look at it, and never send that again."""
    try:
        return (yield from ask(update_campaign(campaign_id, changes)))
    except errors.OutcomeUnknown as unknown:
        return (yield from look_again(lambda: _changed(campaign_id, changes.status), unknown))


def look_again(look: Callable[[], Procedure[T | None]], unknown: errors.OutcomeUnknown) -> Procedure[T]:
    """Look a few times for what a request may have done; raises `unknown` if it cannot be seen."""
    for seconds in LOOK_AGAIN_SECONDS:
        yield from pause(seconds)
        try:
            seen = yield from look()
        except errors.FlireoError:  # a reading that failed proves nothing
            continue
        if seen is not None:
            return seen
    raise unknown


def first_repeated(there: Sequence[CampaignLead]) -> CampaignLead | None:
    """A lead that is not called yet and whose number is in a campaign more than once; None if there is none."""
    times = Counter(comparable(lead.phone_number) for lead in there)
    repeated = (lead for lead in there if lead.phone_number and times[comparable(lead.phone_number)] > 1)
    return next((lead for lead in repeated if not lead.is_over), None)


def _changed(campaign_id: str, status: str) -> Procedure[Campaign | None]:
    campaign = yield from ask(get_campaign(campaign_id))
    return campaign if campaign.status == status or campaign.is_over else None
