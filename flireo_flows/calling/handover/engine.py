"""The second way to dial: hand the leads to a campaign of Flireo's own, follow it, fill the same ledger."""

import asyncio
import math
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from flireo_flows.api.campaign_rules import CampaignProblem, CampaignRefused
from flireo_flows.api.client import Account, AsyncFlireoClient
from flireo_flows.api.errors import FlireoError
from flireo_flows.api.operation import Operation
from flireo_flows.api.redaction import redact
from flireo_flows.calling.account import Caller, LowBalance, NotReady, Readiness, check_account
from flireo_flows.calling.brakes import Brakes
from flireo_flows.calling.engine import Progress, Ran, silent
from flireo_flows.calling.handover.filling import Filler
from flireo_flows.calling.handover.following import Follower
from flireo_flows.calling.handover.refusing import refusals
from flireo_flows.calling.handover.safety import ANOTHER_KEY, NOT_THERE
from flireo_flows.calling.handover.turns import Turns
from flireo_flows.calling.handover.window import CannotHandOver
from flireo_flows.calling.handover.words import Words
from flireo_flows.calling.ledger import AttemptBook, Database, LeadBook, Outlook, Runner, Views
from flireo_flows.calling.ledger.campaigns import Steering
from flireo_flows.calling.ledger.handed import HandedBook
from flireo_flows.calling.ledger.rederiving import keep_current
from flireo_flows.calling.ledger.runners import HEARTBEAT_SECONDS, LEASE_SECONDS
from flireo_flows.calling.policy import CallingPolicy
from flireo_flows.calling.remembered import fingerprint, remember, require_account, rules_of
from flireo_flows.calling.telling import tell_end
from flireo_flows.calling.turns import LOOK_SECONDS, Until


@dataclass(slots=True)
class HandOver:
    """One runner of one campaign whose leads Flireo rings by itself. Stands where `Engine` does.

    Attributes:
        database: The ledger.
        account: Where to hand over, and as whom.
        campaign: Name under which attempts are counted; Flireo's campaign has it too.
        batch: The file whose leads are handed over (`LeadBook.take_in`).
        words: Who speaks, and what they are told.
        policy: The rules; see `refusals` for what Flireo's campaign cannot honour.
        progress: Told of the campaign's figures every two seconds, from this thread; must be quick.
        readiness: What earlier checks told; None checks first.
        run_id: Of the run that this is a part of; empty makes it a run of its own.
        stopped_by: What stopped an earlier part of this run: nobody is handed over, and only results are collected.
    """

    database: Database
    account: Account
    campaign: str
    batch: str
    words: Words
    policy: CallingPolicy
    progress: Progress = silent
    readiness: Readiness | None = None
    run_id: str = ""
    stopped_by: Exception | None = None
    _sent: Counter[tuple[str, str]] = field(default_factory=Counter, init=False)

    async def run(self, until: Until, deadline: float | None = None) -> Ran:
        """Hand over, have Flireo ring, and collect.

        Args:
            until: When to end: `DIALLED` once Flireo rings everybody by itself, `FINISHED` once every result
                is in. A run that would wait for long until Flireo's hours begin ends too.
            deadline: Unix seconds of the ledger's clock at which to end in any case; None for no such time.
                Flireo rings on whom it has then; to stop it, pause the campaign (`Steering`, `obey`).

        Raises:
            CannotHandOver: Flireo's campaign cannot do what is asked; nobody was handed over. One that is there
                already rings nobody until a run finds all in order.
            NotReady: The account cannot ring as asked; nobody was handed over.
            FlireoError: Flireo refused the key or was not reached; before anybody was handed over.
            LedgerError: The ledger failed. What it holds is right; run again.
        """
        runner, handed = Runner(self.database, self.campaign), HandedBook(self.database, self.campaign)
        if not await handed.was_handed_over():
            self._check()
        await runner.join()
        beat = asyncio.create_task(self._beat(runner))
        try:
            await self._claim(handed, runner)
            async with AsyncFlireoClient(self.account, heard=self._count) as client:
                ran = await self._run(until, deadline, client, handed, runner, beat)
                await self._tell(ran.stopped_by, runner)
                return ran
        except LowBalance as low:
            await self._tell(low, runner)
            raise
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)
            await asyncio.shield(self._leave(handed, runner))

    def _check(self) -> None:
        refused = refusals(self.policy, self.words)
        if refused:
            raise CannotHandOver(" ".join(refused))

    async def _claim(self, handed: HandedBook, runner: Runner) -> None:
        """Only one runner hands over: wait for one that died until its lease has ended."""
        patience = self.database.now() + LEASE_SECONDS + HEARTBEAT_SECONDS
        while not await handed.claim(runner.id):
            if self.database.now() > patience:
                raise CannotHandOver(
                    f"another run hands campaign {redact(self.campaign)!r} over and follows it: let it end first"
                )
            await asyncio.sleep(LOOK_SECONDS)

    async def _run(
        self,
        until: Until,
        deadline: float | None,
        client: AsyncFlireoClient,
        handed: HandedBook,
        runner: Runner,
        beat: "asyncio.Task[None]",
    ) -> Ran:
        book = AttemptBook(self.database, self.campaign, runner.id, Caller(self.words.agent_id))
        leads = LeadBook(self.database, self.campaign)
        await book.orphaned()
        filler = Filler(client, self.database, book, handed, self.batch, self.words, self.policy)
        filler.ends_at, filler.runner = math.inf if deadline is None else deadline, runner
        try:
            self._check()
            await filler.check()
        except CannotHandOver:
            # Flireo rings by rules, hours, or rows, that do not hold any more.
            await filler.calm()
            raise
        readiness = await self._ready(client, runner, await self._left(leads), filler)
        follower = Follower(client, self.database, book, handed, self.policy, readiness)
        brakes = Brakes(client, self.database, self.campaign, self.policy, is_handed_over=True)
        turns = Turns(
            self.batch, self.policy, self.progress, until, deadline, filler, follower, brakes, leads
        )
        turns.held = self.stopped_by
        while not await turns.turn():
            if beat.done():
                beat.result()  # raises what the ledger did
        await brakes.settle()
        self.progress(await Views(self.database).status(self.campaign))
        left = await turns.outlook()
        held_by = ". ".join(why for why in (brakes.held_by, filler.notice) if why)
        stopped_by = turns.stopped_by or self.stopped_by
        return Ran(stopped_by, turns.timed_out, left, readiness, held_by, brakes.last_failures)

    async def _ready(
        self, client: AsyncFlireoClient, runner: Runner, left: Outlook, filler: Filler
    ) -> Readiness:
        """Check, and write down what is rung under. Costs no request when there is nothing to do."""
        await keep_current(self.database, self.campaign, self.policy)
        if left.is_finished:
            return self.readiness or Readiness()
        beside = await require_account(self.database, client, self.campaign, runner)
        if beside.account not in ("", fingerprint(self.account, self.database)):
            await self._require_there(filler)
        try:
            readiness = self.readiness or await check_account(client, Caller(self.words.agent_id))
        except NotReady:
            if left.placed or left.unknown:
                await self._look(filler)  # who was handed over already is heard of all the same
            raise
        starts = left.has_waiting
        await remember(self.database, self.campaign, self.policy, readiness, self.account, starts, beside)
        return readiness

    async def _look(self, filler: Filler) -> None:
        """Hold back who must not be rung any more, and write down what one reading tells."""
        expected = (await rules_of(self.database, self.campaign)).readiness
        follower = Follower(filler.client, self.database, filler.book, filler.handed, self.policy, expected)
        await follower.hear()
        with suppress(CampaignRefused, FlireoError):  # the run ends with what it is not ready for
            campaign = await filler.campaign()
            if campaign is not None:
                standing = await Steering(self.database, self.campaign).standing()
                await follower.read(await filler.hold_back(campaign, standing.state))

    async def _require_there(self, filler: Filler) -> None:
        """Under another key than before: it is the same account if Flireo's campaign is there."""
        try:
            await filler.campaign()
        except CampaignRefused:
            raise NotReady(
                f"campaign {redact(self.campaign)!r} {ANOTHER_KEY}, and {NOT_THERE}: run it with the key it had."
            ) from None

    async def _tell(self, stopped_by: Exception | None, runner: Runner) -> None:
        await tell_end(self.database, self.campaign, self.policy, stopped_by, self.run_id or runner.id)

    async def _left(self, leads: LeadBook) -> Outlook:
        return await leads.outlook(self.batch, self.database.now())

    async def _beat(self, runner: Runner) -> None:
        """Renew the lease."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            await self._renew(runner)

    async def _leave(self, handed: HandedBook, runner: Runner) -> None:
        await self._renew(runner)
        await handed.release(runner.id)
        await runner.leave()

    async def _renew(self, runner: Runner) -> None:
        sent, self._sent = self._sent, Counter()
        await runner.renew(sent)

    def _count(self, operation: Operation[Any], status: int | None) -> None:
        self._sent[operation.route, str(status or "no answer")] += 1


async def obey(database: Database, account: Account, campaign: str) -> str:
    """Bring Flireo's campaign in line with ours, without a run: paused or cancelled, it rings nobody.

    For whoever pauses or cancels a campaign whose leads were handed over: Flireo rings whom it has, whether one
    of our runs lives or not. Does nothing for other campaigns. Resuming needs a run, which looks at who must not
    be rung any more.

    Args:
        database: The ledger.
        account: Where the leads were handed over, and as whom.
        campaign: Name of our campaign.

    Returns:
        What Flireo did not do as it was told, and what was done instead; empty for nothing.

    Raises:
        CampaignRefused: It was deleted at Flireo, so it rings nobody.
        FlireoError: It was not reached, or refused: it may go on ringing. Do it again.
    """
    handed, book = HandedBook(database, campaign), AttemptBook(database, campaign, "")
    async with AsyncFlireoClient(account) as client:
        filler = Filler(client, database, book, handed, "", Words(""), CallingPolicy())
        there = await filler.campaign()
        if there is not None:
            await filler.obey(there, (await Steering(database, campaign).standing()).state)
        return filler.notice


class NotTold(NotReady):
    """Flireo rings the leads of a campaign, or somebody, that must not be rung any more. Says what to do."""


async def tell(database: Database, account: Account | None, campaign: str) -> str:
    """Have Flireo obey, if it rings this campaign; see `obey`.

    Args:
        database: The ledger.
        account: Where the leads were handed over; None when there is no key at hand.
        campaign: Name of our campaign.

    Returns:
        What Flireo did not do as it was told, and what was done instead; empty for nothing.

    Raises:
        NotTold: The leads are Flireo's to ring, and it could not be told.
    """
    if not await HandedBook(database, campaign).was_handed_over():
        return ""
    remedy = "so it may go on ringing. Pause or cancel it again, or do so in Flireo's dashboard"
    if account is None:
        raise NotTold(
            f"the leads of {redact(campaign)!r} were handed to Flireo, which cannot be told without a key, {remedy}."
        )
    try:
        return await obey(database, account, campaign)
    except (FlireoError, CampaignProblem) as error:
        why: object = error
        if isinstance(error, CampaignRefused):
            known = (await rules_of(database, campaign)).account
            is_other = known not in ("", fingerprint(account, database))
            why = f"it {ANOTHER_KEY}, and {NOT_THERE}; use the key it had" if is_other else NOT_THERE
        raise NotTold(
            f"the leads of {redact(campaign)!r} were handed to Flireo, which was not told ({why}), {remedy}."
        ) from error
