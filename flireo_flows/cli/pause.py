"""`flireo-flows pause`, `resume`, `cancel`: a campaign as a whole. Running calls go on. Sends nothing."""

from typing import TYPE_CHECKING, Any, TypeVar

from flireo_flows.cli.options import KnownCampaign

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from flireo_flows.ledger import CampaignLedger, Database
    from flireo_flows.ledger.campaigns import CampaignControl, Standing

T = TypeVar("T")


def pause(*, campaign: KnownCampaign, reason: str = "") -> int:
    """Call no one of a campaign until it is resumed. Running calls go on, and their results are collected.

    Parameters
    ----------
    campaign
        Name of the campaign.
    reason
        Why, in words.
    """
    return _steer(campaign, lambda steering: steering.pause(reason, "person"))


def resume(*, campaign: KnownCampaign) -> int:
    """Let a paused campaign call again, whoever paused it. Run it as before to go on.

    Parameters
    ----------
    campaign
        Name of the campaign.
    """
    return _steer(campaign, lambda steering: steering.resume("person"))


def cancel(*, campaign: KnownCampaign, reason: str = "") -> int:
    """Call no one of a campaign any more. Final; running calls go on, and their results are collected.

    Parameters
    ----------
    campaign
        Name of the campaign.
    reason
        Why, in words.
    """
    return _steer(campaign, lambda steering: steering.cancel(reason, "person"))


def in_ledger(work: "Callable[[Database], Coroutine[Any, Any, T]]", *, existing: bool = True) -> T:
    """Do something with the ledger of the environment.

    Args:
        work: What to do with it, once it is open.
        existing: Off makes one where there is none, to write in it.

    Raises:
        NoLedgerError: There is none, and only one that is there was asked for.
        LedgerError: It cannot be opened or written.
    """
    import asyncio

    from flireo_flows.cli.settings import ledger_url
    from flireo_flows.ledger import Database

    async def do() -> T:
        async with await Database.open(ledger_url(), existing=existing) as database:
            return await work(database)

    return asyncio.run(do())


def in_campaign(campaign: str, work: "Callable[[CampaignLedger], Coroutine[Any, Any, T]]") -> T:
    """Do something with a campaign of the ledger of the environment.

    Args:
        campaign: Its name, or as an event shows it.
        work: What to do with it.

    Raises:
        DeclinedError: There is no such campaign.
        NoLedgerError: There is no ledger.
        LedgerError: It cannot be opened or written.
    """

    async def find(database: "Database") -> T:
        from flireo_flows.ledger.notices import find_campaign

        return await work(database.campaign(await find_campaign(database, campaign)))

    return in_ledger(find)


def _steer(campaign: str, change: "Callable[[CampaignControl], Coroutine[Any, Any, Standing]]") -> int:
    async def work(found: "CampaignLedger") -> str:
        from flireo_flows.ledger.campaigns import CampaignControl

        standing = await change(CampaignControl(found))
        return f"Campaign {found.given} is {standing.in_words}"

    print(in_campaign(campaign, work))
    return 0
