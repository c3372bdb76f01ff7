"""`flireo-flows do-not-call`: a campaign's do-not-call list, as its runs keep it. Sends nothing."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from flireo_flows.cli.campaign_name import CampaignName
from flireo_flows.cli.pause import in_ledger

if TYPE_CHECKING:
    from flireo_flows.ledger import Database
    from flireo_flows.ledger.campaign_list import CampaignList


def do_not_call(*, campaign: CampaignName, clear: Annotated[bool, Parameter(negative=())] = False) -> int:
    """Show how many numbers are on a campaign's do-not-call list, or clear it.

    Every list that a run was given (`run --do-not-call FILE`) stays with its campaign, also for runs without one.

    Parameters
    ----------
    campaign
        Name of the campaign.
    clear
        Take every number off the list; the next run asks again about those who were skipped for it.
    """
    kept = in_ledger(lambda database: _read(database, campaign, clear=clear))
    if clear:
        print(f"{kept.numbers} taken off the do-not-call list.")
    else:
        print(f"The {kept.in_words}." if kept.numbers else "No do-not-call list.")
    return 0


async def _read(database: "Database", campaign: str, *, clear: bool) -> "CampaignList":
    from flireo_flows.ledger.campaign_list import clear_in, list_in
    from flireo_flows.ledger.campaigns import require_campaign

    async with database.write(campaign) as db:
        await require_campaign(db, campaign, database.where)
        kept = await list_in(db, campaign)
        if clear:
            await clear_in(db, campaign)
    return kept
