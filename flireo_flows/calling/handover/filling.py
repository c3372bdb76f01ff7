"""Fill a campaign of Flireo's own, and start it: each lead is put there once, and nobody is rung meanwhile."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TypeVar

from flireo_flows.api import errors
from flireo_flows.api.campaign_rules import (
    CampaignProblem,
    CampaignRefused,
    Which,
    digits,
    find,
    read_leads,
)
from flireo_flows.api.campaigns import (
    Campaign,
    CampaignChanges,
    CampaignStatus,
    LeadStatus,
    NewCampaign,
    check_clock,
    create_campaign,
    remove_campaign_lead,
    update_campaign,
)
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.api.conversation import Conversation, aconverse
from flireo_flows.api.redaction import redact
from flireo_flows.calling.choice import CannotCompose
from flireo_flows.calling.endings import Ending, ending_of
from flireo_flows.calling.handover.adding import Adder
from flireo_flows.calling.handover.refusing import refusal_of_row
from flireo_flows.calling.handover.safety import (
    ANOTHER_KEY,
    NOT_THERE,
    TakenOver,
    dialled_before,
    may_ring,
    refuse_over,
    refuse_strangers,
    refuse_unknown,
    without_hours,
)
from flireo_flows.calling.handover.window import ALWAYS, CannotHandOver, Window, window_of
from flireo_flows.calling.handover.words import Words
from flireo_flows.calling.ledger import AttemptBook, Database, Runner
from flireo_flows.calling.ledger.beginning import FRESH_SECONDS
from flireo_flows.calling.ledger.campaigns import Steering
from flireo_flows.calling.ledger.handed import Handed, HandedBook
from flireo_flows.calling.policy import CallingPolicy, Rule
from flireo_flows.calling.remembered import is_of_account, rules_of
from flireo_flows.calling.states import AttemptState, CampaignState, LeadState
from flireo_flows.calling.turns import HORIZON_SECONDS, LOOK_SECONDS

T = TypeVar("T")
AT_ONCE: Final = 8  # requests under way while leads are added
SCAN: Final = 200  # leads looked at in one transaction
NOT_CANCELLED: Final = (
    "Flireo refused to cancel its campaign, so it is paused there: do not resume it in Flireo's dashboard"
)
LEAST_WAIT_SECONDS: Final = 0.02  # for the rate limit


@dataclass(slots=True)
class Filler:
    """Fills and starts Flireo's campaign for one runner.

    Attributes:
        client: Sends the requests.
        book: Decides who is handed over, and commits each attempt before its request.
        batch: The file whose leads are handed over.
        words: Who speaks, and what they are told.
        policy: The campaign's rules.
        ends_at: Unix seconds of the ledger's clock from which nobody else is handed over.
        window: The hours that Flireo's campaign has, or will have; known after `check`.
        notice: What Flireo did not do as it was told, and what was done instead; empty for nothing.
        runner: Whose lease bounds how late a request may go out that adds, makes or starts; None for no bound.
    """

    client: AsyncFlireoClient
    database: Database
    book: AttemptBook
    handed: HandedBook
    batch: str
    words: Words
    policy: CallingPolicy
    ends_at: float = math.inf
    window: Window = ALWAYS
    runner: Runner | None = None
    notice: str = ""
    _adder: Adder = field(init=False)
    _has_set_hours: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._adder = Adder(self.client, self.database, self.words, self._before)

    @property
    def stopped_by(self) -> Exception | None:
        """Why nobody else may be handed over; None while they may."""
        return self._adder.stopped_by

    @property
    def name(self) -> str:
        """Of our campaign, and of Flireo's."""
        return self.handed.campaign

    async def check(self) -> None:
        """Look at every row before anybody is handed over. A lead without a variable is set aside.

        Raises:
            CannotHandOver: A row asks for what Flireo's campaign cannot do, there are no hours at which all may
                be rung, or the campaign was dialled directly before.
        """
        if await self.handed.was_dialled():
            raise dialled_before(self.name)
        now = datetime.fromtimestamp(self.database.now(), UTC)
        self.window = window_of(self.policy, await self.handed.zones(self.batch), now)
        after, asked, asking, first = 0, "", 0, 0
        while page := await self.handed.waiting(self.batch, after):
            after = page[-1].lead_id
            lacking: list[tuple[int, str]] = []
            for lead in page:
                wish = refusal_of_row(lead.facts.wishes, self.words.agent_id)
                asked, first, asking = asked or wish, first or (lead.line if wish else 0), asking + bool(wish)
                try:
                    self.words.variables(lead.facts)
                except CannotCompose as problem:
                    lacking.append((lead.lead_id, str(problem)))
            if lacking:
                await self.handed.set_aside(lacking)
        if asked:
            raise CannotHandOver(
                f"{asking} rows ask for what a campaign of Flireo's own cannot do, first line {first} for {asked}: "
                "take these columns out of the file, or use mode 'direct'; nobody was handed over"
            )

    async def campaign(self) -> Campaign | None:
        """Flireo's campaign; None while there is none that we know of.

        Raises:
            CampaignRefused: It was deleted at Flireo.
        """
        known = await self.handed.vendor_campaign()
        if not known:
            return None
        try:
            return await self.converse(find(Which(known, None)))
        except errors.NotFound:
            raise CampaignRefused(
                f"campaign {redact(self.name)!r} was deleted at Flireo, so it rings nobody any more; who was not rung "
                "is put up for review"
            ) from None

    async def require_account(self) -> None:
        """Only where Flireo's campaign was filled does it prove anything that it is not there.

        Raises:
            CampaignRefused: Nothing shows that this is that account.
            FlireoError: Nobody could tell.
        """
        remembered = await rules_of(self.database, self.name)
        if not await is_of_account(self.database, self.client, self.name, remembered):
            raise CampaignRefused(
                f"campaign {redact(self.name)!r} {ANOTHER_KEY}, and {NOT_THERE}: run it with the key it had"
            )

    async def ensure(self) -> Campaign | None:
        """Flireo's campaign, made if there is none: once, whatever becomes of the request.

        Returns:
            None while an earlier request that makes it may still arrive.

        Raises:
            CannotHandOver: Flireo has a campaign of that name which this ledger did not make.
        """
        known = await self.campaign()
        if known is not None:
            return known
        since, now = await self.handed.making_since(), self.database.now()
        new = self._new()
        there = await self.converse(find(Which("", new)))
        if there is not None and since is None:
            raise CannotHandOver(
                f"Flireo has a campaign {redact(self.name)!r} already, which this ledger did not make: "
                "take another campaign name, or rename that one"
            )
        if there is None and since is not None and now < since + self.policy.reconcile_grace_seconds:
            return None
        if there is None:
            there = await self._make(new)
        await self.handed.remember(there.id)
        return there

    async def fill(self, campaign: Campaign) -> Campaign:
        """Take out who must not be rung any more, then hand over whoever waits and may be.

        Raises:
            CampaignRefused: It is over, holds leads that this ledger did not put there, or is another run's now.
        """
        refuse_over(campaign)
        campaign = await self.quiet(campaign)
        await self.take_out(campaign, await self.unwanted())
        await self._refuse_strangers(campaign)
        await self._add_all(campaign)
        return campaign

    async def start(self, campaign: Campaign) -> Campaign:
        """Have Flireo ring, once everybody is known to be in there, exactly once. Idempotent.

        Raises:
            CampaignRefused: Somebody paused it at Flireo, its status is none that we know, it holds a lead twice or
                one that is not ours, or another run has it now.
        """
        figures = await self.handed.figures()
        standing = await Steering(self.database, self.name).standing()  # filling may have taken long
        if campaign.is_over or figures.unsettled or standing.state is not CampaignState.OPEN:
            return campaign
        refuse_unknown(campaign)
        is_held = await self.handed.is_held()
        if campaign.status == CampaignStatus.SCHEDULED and self._fits(campaign, self.window):
            if is_held:
                await self.handed.hold(False)
            return campaign
        if campaign.status == CampaignStatus.PAUSED and not is_held:
            raise CampaignRefused(
                f"campaign {redact(self.name)!r} was paused at Flireo: resume it there, "
                "or pause and resume it here"
            )
        if not figures.waiting or await self.unwanted():
            return campaign  # who said no while the others were added is taken out first
        await self._refuse_strangers(campaign)
        return await self._schedule(campaign, self.window)

    async def unwanted(self) -> list[tuple[Handed, LeadState, str]]:
        """Who is in Flireo's campaign, is not rung, and must not be any more: what becomes of each, and why."""
        rules = without_hours(self.policy)
        return await self.handed.unwanted(
            self.batch, rules, lambda wishes: refusal_of_row(wishes, self.words.agent_id)
        )

    async def quiet(self, campaign: Campaign) -> Campaign:
        """Have Flireo ring nobody for now; calls that run go on."""
        if not may_ring(campaign):
            return campaign
        await self.handed.hold(True)
        return await self._change(campaign, CampaignChanges(status=CampaignStatus.PAUSED))

    async def calm(self) -> None:
        """What we do not understand, or must not go on, rings nobody, as far as we can reach it."""
        try:
            campaign = await self.campaign()
            if campaign is not None:
                await self.quiet(campaign)
        except (CampaignProblem, errors.FlireoError):
            return  # the run ends with the problem that was met first

    async def obey(self, campaign: Campaign, state: CampaignState) -> Campaign:
        """Have Flireo ring nobody of a campaign that is paused or cancelled here; calls that run go on."""
        if campaign.is_over or state is CampaignState.OPEN:
            return campaign
        if state is CampaignState.CANCELLED:
            return await self._cancel(campaign)
        if campaign.status == CampaignStatus.PAUSED and not await self.handed.is_held():
            await self.handed.hold(True)  # whoever resumes it here means it, whoever paused it there
        return await self.quiet(campaign)

    async def hold_back(self, campaign: Campaign, state: CampaignState) -> Campaign:
        """Whom Flireo must not ring it does not ring from now on: to read it may take minutes, and may fail."""
        if state is not CampaignState.OPEN:
            told = await self.obey(campaign, state)
            if state is CampaignState.CANCELLED and not told.is_over:
                await self._empty(told)
        elif may_ring(campaign) and await self.unwanted():
            return await self.quiet(campaign)
        return campaign

    async def take_out(
        self, campaign: Campaign, unwanted: Sequence[tuple[Handed, LeadState, str]]
    ) -> tuple[int, int]:
        """Take leads out. The campaign rings nobody now, so whoever has no call cannot get one before that.

        Args:
            campaign: Flireo's, quiet.
            unwanted: Who is taken out, what becomes of each, and why.

        Returns:
            How many were taken out; and how many are in there still, and may be rung once it goes on, for their
            status tells us nothing.
        """
        gone, left = 0, 0
        if not unwanted:
            return gone, left
        there = {lead.id: lead for lead in await self.converse(read_leads(campaign.id))}
        ours = [(it, there.get(it.vendor_lead_id or "")) for it, _, _ in unwanted]
        await self.handed.rang([(it.id, lead.call_id) for it, lead in ours if lead and lead.call_id])
        for (handed, lead), (_, state, reason) in zip(ours, unwanted, strict=True):
            if lead is None or lead.is_over or lead.call_id or lead.status == LeadStatus.CALLING:
                continue
            if lead.status != LeadStatus.PENDING:
                left += 1
                continue
            try:
                await self.client.send(remove_campaign_lead(campaign.id, lead.id))
            except (errors.Conflict, errors.NotFound):
                continue  # it is being called, or somebody was faster: the next reading tells
            gone += await self.handed.drop(handed.id, state, reason)
        return gone, left

    async def ring_on(self, campaign: Campaign) -> None:
        """Have Flireo ring again as before it was made quiet, unless somebody paused or cancelled it here since.

        Raises:
            CampaignRefused: Another run has it now.
        """
        await self._start(campaign, CampaignChanges(status=CampaignStatus.SCHEDULED))

    async def wait_for_room(self) -> None:
        """Wait until the rate limit lets a request out at once."""
        while not await self._room():
            pass

    async def converse(self, conversation: Conversation[T]) -> T:
        """Hold a conversation with Flireo."""
        return await aconverse(conversation, self.client)

    def _new(self) -> NewCampaign:
        window = self.window
        template = {"system_message_template": self.words.template} if self.words.template else {}
        return NewCampaign(
            name=self.name,
            agent_id=self.words.agent_id,
            schedule_start_time=window.start,
            schedule_end_time=window.end,
            timezone=window.zone,
            **template,
        )

    async def _make(self, new: NewCampaign) -> Campaign:
        await self.wait_for_room()
        await self._require_claim()
        since = self.database.now()
        await self.handed.making(since)
        try:
            return await self.client.send(create_campaign(new), before=self._before(since))
        except errors.FlireoError as error:
            # Of a run that was taken over the wish is not this one's any more.
            if ending_of(error) is not Ending.UNKNOWN and await self._has_claim():
                await self.handed.making(None)
            raise

    async def _schedule(self, campaign: Campaign, window: Window) -> Campaign:
        self._has_set_hours = True
        changes = CampaignChanges(
            status=CampaignStatus.SCHEDULED,
            schedule_start_time=window.start,
            schedule_end_time=window.end,
            timezone=window.zone,
        )
        return await self._start(campaign, changes)

    async def _start(self, campaign: Campaign, changes: CampaignChanges) -> Campaign:
        """Have Flireo ring, unless somebody paused or cancelled it here meanwhile: to read its leads takes long."""
        await self.wait_for_room()
        await self._require_claim()
        steering = Steering(self.database, self.name)
        if (await steering.standing()).state is not CampaignState.OPEN:
            return campaign
        changed = await self._change(campaign, changes, self._before(self.database.now()))
        await self.handed.hold(False)
        # Who paused it just before that found it quiet, and left it so.
        return await self.obey(changed, (await steering.standing()).state)

    async def _cancel(self, campaign: Campaign) -> Campaign:
        """Cancel it; or pause it, where the server takes no such status."""
        if not self.notice:
            try:
                return await self._change(campaign, CampaignChanges(status=CampaignStatus.CANCELLED))
            except (errors.BadRequest, errors.Conflict, errors.RequestRefused, errors.Unprocessable):
                paused = await self.quiet(campaign)
                self.notice = NOT_CANCELLED
                return paused
        return await self.quiet(campaign)

    async def _empty(self, campaign: Campaign) -> None:
        """Whom a campaign holds that was cancelled here, and is only paused there, somebody could have it ring."""
        waiting = [
            it
            for it in await self.handed.open()
            if it.state is AttemptState.PLACED and it.vendor_lead_id and not it.call_id
        ]
        skipped = LeadState.SKIPPED, str(Rule.CAMPAIGN_CANCELLED)
        await self.take_out(campaign, [(it, *skipped) for it in waiting])

    async def _change(
        self, campaign: Campaign, changes: CampaignChanges, before: float | None = None
    ) -> Campaign:
        """Sent once. Where nobody knows whether it arrived, the next look at the campaign tells."""
        return await self.client.send(update_campaign(campaign.id, changes), before=before)

    def _before(self, decided_at: float) -> float:
        """Until when a request may go out that was decided at a time of the ledger's clock, on the client's clock.

        A process may sleep between its decision and the first byte, while another run goes on with the campaign.
        """
        latest = decided_at + FRESH_SECONDS
        if self.runner is not None:
            latest = min(latest, self.runner.lease_until)
        return self.client.now() + latest - self.database.now()

    async def _has_claim(self) -> bool:
        return await self.handed.is_claimed_by(self.book.runner)

    async def _require_claim(self) -> None:
        """A runner that slept beyond its lease does not know what another one did with the campaign meanwhile."""
        if not await self._has_claim():
            raise TakenOver.by_another_run()

    async def _room(self) -> int:
        """How many requests may go out at once now. Where there is none, waits a moment for the rate limit."""
        now, pacing = self.client.now(), self.client.pacing
        ready = min(AT_ONCE, pacing.ready(now, HORIZON_SECONDS))
        if not ready:
            await asyncio.sleep(min(LOOK_SECONDS, max(LEAST_WAIT_SECONDS, pacing.wait(now))))
        return ready

    def _fits(self, campaign: Campaign, window: Window) -> bool:
        """Whether it rings at our hours. A server that tells none, or others than it was told, is asked once."""
        if self._has_set_hours:
            return True
        told = (campaign.schedule_start_time, campaign.schedule_end_time, campaign.timezone)
        return (_clock(told[0]), _clock(told[1]), told[2]) == (window.start, window.end, window.zone)

    async def _refuse_strangers(self, campaign: Campaign) -> None:
        there = await self.converse(read_leads(campaign.id))
        unsettled = {digits(it.phone) for it in await self.handed.open() if it.vendor_lead_id is None}
        known = await self.handed.known_ids()
        refuse_strangers(there, known | {lead.id for lead in there if digits(lead.phone_number) in unsettled})

    async def _add_all(self, campaign: Campaign) -> None:
        rules = without_hours(self.policy)
        while self.stopped_by is None and self.database.now() < self.ends_at:
            # Begun before there is room in the rate limit, they would be too old when they could go out.
            most = await self._room()
            if not most:
                continue
            await self._require_claim()
            begun = await self.book.begin(self.batch, rules, most, SCAN)
            if not begun.decided:
                return
            adding = (self._adder.add(campaign.id, attempt) for attempt in begun.attempts)
            await self.handed.record(await asyncio.gather(*adding))


def _clock(time: str | None) -> str | None:
    return check_clock(time) if time else None
