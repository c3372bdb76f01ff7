"""Follow a campaign of Flireo's own: what became of its leads and of their calls, into the same ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from flireo_flows.api import errors
from flireo_flows.api.calls import Call, get_call
from flireo_flows.api.campaign_rules import digits, read_leads
from flireo_flows.api.campaigns import Campaign, CampaignLead, LeadStatus
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.api.conversation import aconverse
from flireo_flows.api.paging import aiter_calls
from flireo_flows.calling.account import Readiness
from flireo_flows.calling.ledger import Attempt, AttemptBook, Database, Inbox
from flireo_flows.calling.ledger.campaigns import Steering
from flireo_flows.calling.ledger.handed import Handed, HandedBook
from flireo_flows.calling.ledger.reports import Channel, Report, report_of_call
from flireo_flows.calling.lookup import AGAIN_SECONDS, MOST_ASKED
from flireo_flows.calling.policy import CallingPolicy, Rule
from flireo_flows.calling.reconcile import RINGING_SECONDS
from flireo_flows.calling.states import AttemptState, CampaignState, LeadState
from flireo_flows.calling.windows import EARLY_SECONDS

# A lead that is over and has no call to tell of it: what its status says, in the words of a call's.
WITHOUT_CALL: Final[Mapping[str, tuple[str, str]]] = {
    LeadStatus.FAILED: ("failed", "the campaign's lead failed"),
    LeadStatus.NO_ANSWER: ("ended", "no answer, says the campaign's lead"),
}

# Statuses that say enough of a lead without a call, once the campaign is done with it.
TELLING: Final = frozenset({*WITHOUT_CALL, LeadStatus.SKIPPED, LeadStatus.PENDING})


@dataclass(slots=True)
class Follower:
    """Hears for one runner. Whatever a reading meets, it decides nothing that it has not read.

    Attributes:
        readiness: What is still to come after a call's end.
        campaign: Flireo's, as it was last read; None before the first reading.
        requests: About how many requests a reading takes.
        repeated: A number that may be ours and is in there more than once, so that nobody can say which of the leads
            is ours; empty for none.
    """

    client: AsyncFlireoClient
    database: Database
    book: AttemptBook
    handed: HandedBook
    policy: CallingPolicy
    readiness: Readiness
    campaign: Campaign | None = None
    requests: int = 3
    repeated: str = ""
    _rung_after: dict[int, float] = field(default_factory=dict, init=False)
    _read_at: float | None = field(default=None, init=False)

    async def hear(self) -> int:
        """Apply what the webhooks brought. Returns how many attempts ended by it."""
        inbox = Inbox(self.database)
        _, ended = await inbox.apply(self.handed.campaign, self.policy, self.readiness.expects)
        return ended

    async def read(self, campaign: Campaign) -> None:
        """Read the leads of Flireo's campaign and their calls, and write what they tell.

        Args:
            campaign: Flireo's, read just before.

        Raises:
            FlireoError: A request failed; what was read before it is written.
        """
        open_ = await self.handed.open()
        read_at = self.database.now()
        self.campaign = campaign
        there = await aconverse(read_leads(campaign.id), self.client)
        self.requests = 3 + len(there) // 500
        is_complete = len(there) >= (campaign.total_leads or 0)
        await self._settle_unknown(open_, there, is_complete, read_at)
        await self._settle_leads(open_, there, is_complete, read_at)
        await self._read_calls()
        self._read_at = read_at

    async def read_deleted(self) -> None:
        """Flireo's campaign was deleted, in this account: its calls are heard of still, and who has none is let go.

        Raises:
            FlireoError: A request failed; what was read before it is written.
        """
        open_, read_at = await self.handed.open(), self.database.now()
        await self._settle_unknown(open_, (), True, read_at)
        await self._settle_leads(open_, (), True, read_at)
        await self._read_calls()

    async def _settle_unknown(
        self, open_: Sequence[Handed], there: Sequence[CampaignLead], is_complete: bool, read_at: float
    ) -> None:
        """Find leads of which nobody knew whether they arrived, or count a reading without them."""
        self.repeated = ""
        unsettled = [it for it in open_ if it.vendor_lead_id is None and it.state is not AttemptState.SENDING]
        if not unsettled:
            return
        known = await self.handed.known_ids()
        unreadable = any(not digits(lead.phone_number) for lead in there)
        attempts = {attempt.id: attempt for attempt in await self.book.unknown()}
        for it in unsettled:
            number = digits(it.phone)
            # A page that moved shows a lead twice.
            found = {
                lead.id for lead in there if lead.id not in known and digits(lead.phone_number) == number
            }
            if len(found) == 1:
                await self.handed.found(it.id, *found)
            elif found:
                self.repeated = it.phone
            elif is_complete and not unreadable and it.id in attempts:
                await self._absent(attempts[it.id], read_at)

    async def _absent(self, attempt: Attempt, read_at: float) -> None:
        await self.book.absent(attempt, read_at, self.policy.reconcile_grace_seconds, self.policy)

    async def _settle_leads(
        self,
        open_: Sequence[Handed],
        there: Sequence[CampaignLead],
        is_complete: bool,
        read_at: float,
    ) -> None:
        """Note who was rung, and end who is over without a call."""
        by_id = {lead.id: lead for lead in there}
        ours = [(it, by_id.get(it.vendor_lead_id)) for it in open_ if it.vendor_lead_id]
        rung = [(it.id, lead.call_id) for it, lead in ours if lead and lead.call_id and not it.call_id]
        if rung:
            await self.handed.rang(rung)
            since = self._read_at
            self._rung_after |= {attempt_id: since for attempt_id, _ in rung if since is not None}
        for it, lead in ours:
            if it.state is AttemptState.PLACED and not it.call_id and not (lead and lead.call_id):
                await self._settle_without_call(it, lead, is_complete, read_at)

    async def _settle_without_call(
        self, it: Handed, lead: CampaignLead | None, is_complete: bool, read_at: float
    ) -> None:
        """A lead without a call: nothing is decided on one reading, for its call id may be on its way.

        The readings may be those of two processes, so the ledger keeps when the first one was.
        """
        is_over = self.campaign is not None and self.campaign.is_over
        if lead is None and not is_complete:
            return
        if lead is not None and not lead.is_over and not is_over:
            if it.silent_since is not None:
                await self.handed.note_silence(it.id, None)
            return
        since = it.silent_since
        if since is None:
            since = read_at
            await self.handed.note_silence(it.id, since)
        if lead is not None and lead.status in TELLING:
            if read_at > since:
                await self._end(it, lead.status)
        elif read_at >= since + self.policy.reconcile_grace_seconds:
            what = "its lead was removed at Flireo" if lead is None else "Flireo names no call of it"
            await self.handed.close(it.id, f"{what}: nobody can say what became of it", self.policy)

    async def _end(self, it: Handed, status: str) -> None:
        if status in WITHOUT_CALL:
            ended, words = WITHOUT_CALL[status]
            told = Report("", Channel.LIST, ended, is_over=True, end_reason=words)
            await self.handed.report([(it.id, told)], self.policy, self.readiness.expects)
        elif await self._is_cancelled():
            await self.handed.drop(it.id, LeadState.SKIPPED, str(Rule.CAMPAIGN_CANCELLED))
        else:
            await self.handed.drop(it.id, LeadState.REVIEW, "Flireo's campaign ended without ringing it")

    async def _is_cancelled(self) -> bool:
        standing = await Steering(self.database, self.handed.campaign).standing()
        return standing.state is CampaignState.CANCELLED

    async def _read_calls(self) -> None:
        """Read the call list over the window that holds the open calls."""
        waiting = {it.call_id: it for it in await self.handed.open() if it.call_id}
        if not waiting:
            return
        oldest = min(self._rung_after.get(it.id, it.began_at) for it in waiting.values())
        start = datetime.fromtimestamp(oldest + self._skew, UTC) - timedelta(seconds=EARLY_SECONDS)
        told: list[tuple[int, Report]] = []
        created: dict[str, float] = {}
        async for call in aiter_calls(self.client, start_date=start):
            if call.id in waiting and call.is_over:
                told.append((waiting.pop(call.id).id, self._report(call)))
            elif call.created_at is not None:
                created[call.id] = call.created_at.timestamp() - self._skew
        if told:
            await self.handed.report(told, self.policy, self.readiness.expects)
        await self._ask_silent(list(waiting.values()), created)

    def _report(self, call: Call) -> Report:
        if call.analysis_result is not None:
            self.readiness = replace(self.readiness, expects=self.readiness.expects.with_analysis())
        return report_of_call(call)

    async def _ask_silent(self, running: Sequence[Handed], created: Mapping[str, float]) -> None:
        """Ask by id for calls that should be long over, and close them if that tells nothing either, twice.

        Args:
            running: Calls that the list does not show to be over.
            created: When those were created that the list shows, Unix seconds, by call id.
        """
        now = self.database.now()
        patience = self.readiness.longest_call + RINGING_SECONDS + self.policy.report_grace_seconds
        silent = []
        for it in running:
            # A lead may have waited for hours before it was rung; so one that is not listed is given as long again.
            rang_at = created.get(it.call_id or "")
            again = AGAIN_SECONDS if rang_at is not None else patience
            was_asked = it.silent_since is not None and now < it.silent_since + again
            if now > (rang_at or it.began_at) + patience and not was_asked:
                silent.append(it)
        for it in silent[:MOST_ASKED]:
            await self._ask(it, now)

    async def _ask(self, it: Handed, now: float) -> None:
        """Ask for one silent call.

        Raises:
            FlireoError: Flireo was not reached, or did not answer as it should: nothing is decided.
        """
        try:
            call = await self.client.send(get_call(it.call_id or ""))
        except errors.NotFound:
            reason = "Flireo does not know the call any more"
        else:
            reason = "the call still runs long after its longest time"
            if call.is_over:
                await self.handed.report([(it.id, self._report(call))], self.policy, self.readiness.expects)
                return
        if it.silent_since is None:
            await self.handed.note_silence(it.id, now)
        else:
            await self.handed.close(it.id, reason, self.policy)

    @property
    def _skew(self) -> float:
        """Flireo's clock minus the ledger's, seconds."""
        return (self.client.pacing.skew or 0.0) + self.client.now() - self.database.now()
