"""Collect how calls ended: reports that webhooks left in the inbox, and pages of the call list for the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from flireo_flows.api import errors
from flireo_flows.api.calls import Call
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.calling.call_list import CallList, RequestBudget, Window, windows_of
from flireo_flows.calling.reconcile import MOST_ASKED, REFUSED_KEY, CallLookupError, Lookup, Reconciler
from flireo_flows.calling.snapshot import LATE_SECONDS, CallMatch, Snapshot
from flireo_flows.ledger import Attempt, CampaignLedger, Database, Inbox
from flireo_flows.ledger.call_reports import CallReports
from flireo_flows.ledger.known_calls import LOOKBACK_SECONDS, KnownCall, calls_around, owners_of, placed_calls
from flireo_flows.ledger.run_rules import Readiness, campaigns_of
from flireo_flows.ledger.unknown_attempts import UnknownAttempts
from flireo_flows.lifecycle.states import AttemptState, IdSource
from flireo_flows.policy import CallingPolicy

MOST_READINGS: Final = 8  # of the list in one poll, each wider than the one before
LASTING_FAILURES: Final = 2  # polls in a row, after which calls are asked for by id
MOST_FAILURES: Final = 10  # polls in a row that failed, each after its own retries


@dataclass(frozen=True, slots=True)
class OpenCalls:
    """Open attempts whose calls a reading of the list is to find.

    Attributes:
        unknown: Those of which it is not known whether their calls were placed.
        placed: The calls of the others, whose results are not in.
        known: Calls of the account around the unknown ones, oldest first: what a reading has to show.
        refused_at: When the oldest request of the last minutes was sent that placed no call, as far as we know: a
            call that shows up all the same must be seen. None: there was none.
    """

    unknown: tuple[Attempt, ...]
    placed: tuple[KnownCall, ...]
    known: tuple[KnownCall, ...] = ()
    refused_at: float | None = None

    @property
    def is_nothing(self) -> bool:
        """Whether there is no reason to read."""
        return not self.unknown and not self.placed

    @property
    def since(self) -> list[float]:
        """From which moments on the list has to be read to now."""
        moments = [self.refused_at] if self.refused_at is not None else []
        if self.unknown:
            # From known calls on that were placed before it, so that they show that nothing is left out.
            first = min(attempt.began_at for attempt in self.unknown)
            has_earlier = bool(self.known) and self.known[0].began_at < first
            moments.append(self.known[0].began_at if has_earlier else first - LOOKBACK_SECONDS)
        return moments


def windows_of_all(sought: Sequence[OpenCalls], now: float) -> tuple[Window, ...]:
    """Where to look for the calls of several campaigns: in windows that all share."""
    wanted = [each for each in sought if not each.is_nothing]
    placed = (call.began_at for each in wanted for call in each.placed)
    return windows_of(placed, [moment for each in wanted for moment in each.since], now)


@dataclass(slots=True)
class Collector:
    """Collects for one runner. Whatever a poll meets, it decides nothing that it has not read.

    Attributes:
        budget: What polls may spend.
        calls: The list of calls; several collectors of one account may share it.
    """

    client: AsyncFlireoClient
    campaign: CampaignLedger
    policy: CallingPolicy
    readiness: Readiness
    polls: int = 0
    reported_by_webhook: int = 0
    stopped_by: errors.FlireoError | None = None
    failures: int = 0
    budget: RequestBudget = field(init=False)
    calls: CallList = field(init=False)
    unknown: UnknownAttempts = field(init=False)

    def __post_init__(self) -> None:
        self.budget = RequestBudget(self.policy.collect_share)
        self.calls = CallList(self.client, self.campaign.database)
        self.unknown = UnknownAttempts(self.campaign)

    @property
    def reports(self) -> CallReports:
        """Writes what calls report."""
        return CallReports(self.campaign, self.policy)

    @property
    def reconciler(self) -> Reconciler:
        """Settles unknown attempts."""
        return Reconciler(self.campaign.database, self.unknown, self.policy, self.calls)

    @property
    def lookup(self) -> Lookup:
        """Asks for calls by id."""
        return Lookup(self.campaign.database, self.reports, self.calls, self.readiness, self.reconciler)

    async def apply_reports(self) -> int:
        """Apply what the webhooks brought. Returns how many attempts ended by it."""
        inbox = Inbox(self.campaign.database)
        applied, ended = await inbox.apply(self.campaign.name, self.policy, self.readiness.expects)
        self.reported_by_webhook += applied
        return ended

    async def poll(self) -> None:
        """Read the call list over the windows that still hold open calls; then settle the unknown ones.

        A reading that fails, or that stops half-way, proves nothing and changes nothing.
        """
        self.polls += 1
        sent = self.calls.requests
        # What is looked for is fixed before the list is read: a call that was placed meanwhile may be missing from it,
        # and must neither count as known nor be weighed against this reading.
        sought = await self.look()
        if sought.is_nothing:
            return
        try:
            snapshot = await read_list(self.campaign.database, self.calls, [(self, sought)])
        except errors.FlireoError as error:
            await self._failed_reading(error, sought)
        else:
            self.failures = 0
            await self.settle(sought, snapshot, MOST_ASKED - snapshot.asked)
        self.budget.spent(self.calls.requests - sent, self.client.pacing.limit, self.campaign.now())

    async def look(self) -> OpenCalls:
        """What to look for in the list."""
        unknown = await self.unknown.all()
        known: list[KnownCall] = []
        if unknown:
            names = await campaigns_of(self.campaign.database, self.client.account) | {self.campaign.name}
            known = await calls_around(
                self.campaign.database, names, min(attempt.began_at for attempt in unknown)
            )
        placed = await placed_calls(self.campaign)
        refused_at = await self.unknown.first_refused(self.campaign.now() - LATE_SECONDS)
        return OpenCalls(tuple(unknown), tuple(placed), tuple(known), refused_at)

    async def settle(self, sought: OpenCalls, snapshot: Snapshot, most_asked: int = MOST_ASKED) -> int:
        """Decide what a reading proves, and ask by id for calls that it does not show, and for silent ones.

        Args:
            sought: What `look` gave before the reading.
            snapshot: The reading. Strangers that turn out to be ours are taken out.
            most_asked: Calls to ask for at most.

        Returns:
            How many were asked for.
        """
        # First the unknown attempts take their calls: what is left over then belongs to no attempt, and holds back the
        # leads whose last request counted as refused.
        await self.reconciler.reconcile(sought.unknown, sought.known, snapshot)
        await self.reconciler.hold_back(list(snapshot.strangers.values()))
        try:
            return await self.lookup.ask(sought.placed, snapshot, most_asked, is_awaited=bool(sought.unknown))
        except CallLookupError as failed:
            self._failed(failed.error)
            return failed.asked

    async def _failed_reading(self, error: errors.FlireoError, sought: OpenCalls) -> None:
        """The list cannot be read: if that lasts, calls are asked for by their ids before the run gives up."""
        self._failed(error)
        if self.failures < LASTING_FAILURES or isinstance(error, REFUSED_KEY) or not sought.placed:
            return
        try:
            await self.lookup.ask(sought.placed, None)
        except CallLookupError:
            return
        # Calls can be read one by one, so the run goes on; but the next failure of the list leads here again at once.
        self.failures, self.stopped_by = LASTING_FAILURES - 1, None

    async def unknown_due(self) -> bool:
        """Whether a reading of the list now could settle an unknown attempt."""
        return await self.unknown.are_due(self.campaign.now() - self.policy.reconcile_grace_seconds)

    def _failed(self, error: errors.FlireoError) -> None:
        """One failed poll decides nothing; a refused key, or many failures in a row, end the run."""
        self.failures += 1
        if isinstance(error, REFUSED_KEY) or self.failures >= MOST_FAILURES:
            self.stopped_by = error

    async def apply(
        self, page: Sequence[Call], owners: Mapping[str, KnownCall], fits: Mapping[str, CallMatch]
    ) -> list[tuple[KnownCall, Call]]:
        """Write what a page reports of our attempts; of a call that is not theirs, nothing.

        Args:
            page: Of the list.
            owners: The attempts of its calls, of whatever campaign, by call id.
            fits: How well those calls fit them, by call id.

        Returns:
            Attempts that had the id of another call, and that call.
        """
        mine = [
            (call, owner)
            for call in page
            if (owner := owners.get(call.id)) is not None and owner.campaign == self.campaign.name
        ]
        ours = [(call, owner) for call, owner in mine if fits[call.id] in (CallMatch.SAME, CallMatch.UNCLEAR)]
        if any(call.analysis_result is not None for call, _ in ours):
            # The agent names no plan that we can read, and yet its calls are analysed: the others will be too.
            self.readiness = replace(self.readiness, expects=self.readiness.expects.with_analysis())
        news = {owner.attempt_id: call for call, owner in ours if _is_news(owner, call)}
        foreign = {
            owner.attempt_id: (owner, call)
            for call, owner in mine
            if fits[call.id] is CallMatch.OTHER and owner.id_source is not IdSource.MISMATCH
        }
        if not news and not foreign:
            return []
        for owner, call in foreign.values():
            if call.id == owner.call_id:
                self.calls.clock.forget(owner.attempt_id)
        others = {attempt_id: call for attempt_id, (_, call) in foreign.items()}
        disowned = await self.reports.apply(news, others, self.readiness.expects)
        return [pair for attempt_id, pair in foreign.items() if attempt_id in disowned]


async def read_list(
    database: Database, calls: CallList, readers: Sequence[tuple[Collector, OpenCalls]]
) -> Snapshot:
    """Read the call list once for several campaigns; again, and wider, where known calls are missing from it.

    Args:
        database: The ledger.
        calls: The list.
        readers: Collectors, each with what it looks for. What is read is written down as it comes.

    Raises:
        FlireoError: The list cannot be read; then it proves nothing.
    """
    best: tuple[int, int] | None = None
    asked, readings = -1, 0
    while True:
        # Missing calls mean that the window was wrong, not that they do not exist: before anything is decided it is
        # moved by what this reading taught of the list's clock, then by calls asked for by id, and widened at last.
        reach, readings = calls.reach, readings + 1
        snapshot = await _read_once(database, calls, readers)
        snapshot.asked = max(0, asked)
        missing = [call for call in _missing(readers, snapshot) if call.attempt_id not in calls.unlisted]
        best = min(best or (len(missing), calls.margin), (len(missing), calls.margin))
        if not missing:
            return snapshot
        if snapshot.is_cut or snapshot.read_at < calls.widens_at or readings == MOST_READINGS:
            return snapshot
        if calls.reaches_further(reach):
            continue
        if asked < 0:
            snapshot.asked = asked = await _ask_for_samples(readers, missing, snapshot)
            if calls.reaches_further(reach):
                continue
        if not calls.widen():
            calls.give_up(best[1], [call.attempt_id for call in missing], snapshot.read_at)
            return snapshot


async def _ask_for_samples(
    readers: Sequence[tuple[Collector, OpenCalls]], missing: Sequence[KnownCall], snapshot: Snapshot
) -> int:
    asked = 0
    for collector, sought in readers:
        if gone := [call for call in sought.placed if call in missing]:
            try:
                asked += await collector.lookup.samples(gone, snapshot)
            except CallLookupError as failed:
                if isinstance(failed.error, REFUSED_KEY):
                    raise failed.error from None
                asked += failed.asked  # a wider window may show them all the same
    return asked


async def _read_once(
    database: Database, calls: CallList, readers: Sequence[tuple[Collector, OpenCalls]]
) -> Snapshot:
    snapshot = Snapshot(database.now())
    windows = windows_of_all([sought for _, sought in readers], snapshot.read_at)
    async for page in calls.pages(windows):
        owners = await owners_of(database, [call.id for call in page])
        fits = snapshot.add(page, owners, calls.clock, calls.least_skew)
        for collector, _ in readers:
            for known, call in await collector.apply(page, owners, fits):
                snapshot.disowned(known, call)
    snapshot.is_cut, snapshot.has_total = calls.is_cut, calls.has_total
    calls.unlisted -= snapshot.shown
    for collector, sought in readers:
        await collector.reconciler.find_aliases(snapshot.missing((*sought.placed, *sought.known)), snapshot)
    return snapshot


def _missing(readers: Sequence[tuple[Collector, OpenCalls]], snapshot: Snapshot) -> list[KnownCall]:
    """Known calls that should stand in a reading, once each, oldest first."""
    expected = {call.attempt_id: call for _, sought in readers for call in (*sought.known, *sought.placed)}
    return sorted(snapshot.missing(expected.values()), key=lambda call: call.began_at)


def _is_news(known: KnownCall, call: Call) -> bool:
    """Most calls of a page are running or known already; those cost no write."""
    if known.state is AttemptState.ENDED:
        return not known.is_analysed and call.analysis_result is not None
    return call.is_over
