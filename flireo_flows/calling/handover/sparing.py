"""Have Flireo ring somebody no more whom one of its own campaigns has: for whoever says so outside a run."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from flireo_flows.api.campaign_rules import CampaignProblem, CampaignRefused
from flireo_flows.api.campaigns import Campaign, CampaignStatus
from flireo_flows.api.client import Account, AsyncFlireoClient
from flireo_flows.api.errors import FlireoError
from flireo_flows.api.redaction import redact
from flireo_flows.calling.handover.engine import NotTold
from flireo_flows.calling.handover.filling import Filler
from flireo_flows.calling.handover.safety import NOT_THERE, may_ring
from flireo_flows.calling.handover.words import Words
from flireo_flows.calling.ledger import AttemptBook, Database, Runner
from flireo_flows.calling.ledger.campaigns import Steering
from flireo_flows.calling.ledger.handed import Handed, HandedBook, waiting_at_flireo
from flireo_flows.calling.policy import CallingPolicy, Rule
from flireo_flows.calling.states import CampaignState, LeadState
from flireo_flows.calling.turns import LOOK_SECONDS

PATIENCE_SECONDS: Final = 3.0  # for a sweep that reads the campaign, or a run that is about to end


@dataclass(frozen=True, slots=True)
class Spared:
    """What came of it.

    Attributes:
        taken_out: How many people were taken out of campaigns of Flireo's own.
        paused: Names of campaigns that are open here and paused at Flireo, for that or by a run that was broken
            off: a run of them has them go on.
    """

    taken_out: int = 0
    paused: tuple[str, ...] = ()


async def spare(database: Database, account: Account | None, phones: Collection[str]) -> Spared:
    """Take people out of Flireo's own campaigns who wait there to be rung. Calls that run go on.

    A campaign that rings is paused for that moment. Sends nothing where nobody waits at Flireo.

    Args:
        database: The ledger, in which they are suppressed already, so that nobody hands them over again.
        account: Where they were handed over; None when there is no key at hand.
        phones: E.164.

    Raises:
        NotTold: Flireo may still ring some of them. Says in which campaign, and what to do.
    """
    waiting = await waiting_at_flireo(database, phones)
    if waiting and account is None:
        raise NotTold(_may_ring(waiting, "cannot be told without a key"))
    if not waiting or account is None:
        return Spared()
    taken_out, paused, problems = 0, [], []
    async with AsyncFlireoClient(account) as client:
        for campaign, people in waiting.items():
            handed, book = HandedBook(database, campaign), AttemptBook(database, campaign, "")
            filler = Filler(client, database, book, handed, "", Words(""), CallingPolicy())
            try:
                gone, rings_on = await _spare(filler, people)
            except (FlireoError, CampaignProblem) as problem:
                problems.append(_may_ring([campaign], f"was not told ({problem})"))
                continue
            taken_out += gone
            paused += [] if rings_on else [campaign]
    if problems:
        raise NotTold(" ".join(problems))
    return Spared(taken_out, tuple(paused))


async def _spare(filler: Filler, people: Sequence[Handed]) -> tuple[int, bool]:
    """Take people out of one campaign. Returns how many, and whether Flireo does with the others as it should.

    Raises:
        CampaignProblem: Somebody may still be rung once the campaign goes on.
        FlireoError: Flireo was not reached, or refused.
    """
    try:
        there = await filler.campaign()
    except CampaignRefused:
        raise CampaignProblem(NOT_THERE) from None
    if there is None or there.is_over:
        return 0, True
    runner = Runner(filler.database, filler.name)
    await runner.join()
    filler.runner, filler.book = runner, AttemptBook(filler.database, filler.name, runner.id)
    try:
        await filler.handed.claim(runner.id)  # no run fills it meanwhile, but for one that did so before
        rang = may_ring(there)
        there = await filler.quiet(there)
        unwanted = [(it, LeadState.SKIPPED, str(Rule.DO_NOT_CALL)) for it in people]
        gone, left = await filler.take_out(there, unwanted)
        if left:
            raise CampaignProblem(f"{left} of its leads have a status that we do not know; it is paused")
        if rang:
            return gone, await _ring_on(filler, there, runner)
        # A run that was broken off, or we ourselves before, may have left it quiet.
        standing = await Steering(filler.database, filler.name).standing()
        return gone, not (standing.state is CampaignState.OPEN and await filler.handed.is_held())
    finally:
        await filler.handed.release(runner.id)
        await runner.leave()


async def _ring_on(filler: Filler, campaign: Campaign, runner: Runner) -> bool:
    """Have Flireo ring the others. False where that is left to a run, or could not be said."""
    figures = await filler.handed.figures()
    if not figures.waiting:
        return True  # nobody; and Flireo ends a campaign that rings and has nobody
    until = filler.database.now() + PATIENCE_SECONDS
    try:
        await runner.renew({})
        while not await filler.handed.claim(runner.id):
            now = await filler.campaign()  # the run that has it may have it go on
            if now is not None and now.status == CampaignStatus.SCHEDULED:
                return True
            if filler.database.now() > until:
                return False
            await asyncio.sleep(LOOK_SECONDS)
        if figures.unsettled:
            return False  # somebody may be in there whom we do not know of: a run finds out first
        await filler.wait_for_room()
        await runner.renew({})
        await filler.ring_on(campaign)
    except (FlireoError, CampaignProblem):
        return False
    return True


def _may_ring(campaigns: Iterable[str], why: str) -> str:
    named = ", ".join(repr(redact(campaign)) for campaign in campaigns)
    return (
        f"some of these people wait in Flireo's campaign {named}, which {why}, so it may still ring them. Do this "
        "again, run the campaign, or take them out in Flireo's dashboard."
    )
