"""Whatever happens in whatever order: no attempt is called twice, no number during a call to it, and no lead is lost.

Two campaigns share their people. Their runners are real, down to the request; the vendor is a model on a clock
that the test moves, and so is the network.
"""

import asyncio
import os
import shutil
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from flireo_flows.api.calls import OutboundCall
from flireo_flows.api.client import Account, AsyncFlireoClient
from flireo_flows.calling.collector import Collector
from flireo_flows.calling.dialer import Dialer
from flireo_flows.calling.sweep import Sweep
from flireo_flows.ledger import Answer, Attempt, AttemptBook, Database, Inbox, LeadBook, Runner
from flireo_flows.ledger.campaigns import CampaignControl
from flireo_flows.ledger.run_rules import Readiness, write_rules
from flireo_flows.ledger.schema import attempts, leads
from flireo_flows.ledger.suppressions import Suppressions
from flireo_flows.lifecycle.states import FINAL, MOVES, OPEN, AttemptState, CampaignState, IdSource, LeadState
from flireo_flows.policy import CallingPolicy
from flireo_flows.script import CallChoice, Caller, Composer, LeadFacts
from tests.support.calling.campaign import ANNA, BEN, CARLA, OTHERS_DO_NOT_COUNT, person
from tests.support.calling.vendor import Fate, Vendor
from tests.support.postgres import Postgres

T = TypeVar("T")
DORA: Final = "+447700900004"
EXAMPLES: Final = int(os.environ.get("MACHINE_EXAMPLES", "20"))
STEPS: Final = 25
NAMES: Final = ("one campaign", "another campaign")
PEOPLE: Final = {NAMES[0]: (ANNA, BEN, CARLA), NAMES[1]: (BEN, CARLA, DORA)}
ACCOUNT: Final = Account("key", "https://vendor/api/v1")
HANDS: Final = tuple((name, n) for name in NAMES for n in range(2))
GRACE_SECONDS: Final = 90.0  # longer than the vendor is late
LEASE_SECONDS: Final = 15.0
POLICY: Final = CallingPolicy(
    other_campaigns=OTHERS_DO_NOT_COUNT,
    calling_hours=None,
    max_attempts=2,
    retry_outcomes=["no_answer"],
    retry_delay_seconds=0,
    reconcile_grace_seconds=GRACE_SECONDS,
    max_concurrent_calls=3,
)
ROUNDS: Final = 100  # that a campaign may need to come to its end once nothing goes wrong any more


class Naming(Composer):
    """Composes requests that name their attempt, so that the vendor can tell which call is whose."""

    def compose(self, facts: LeadFacts, choice: CallChoice, reference: str) -> OutboundCall:
        """The reference stands where the vendor's model looks for it."""
        return OutboundCall(destination=facts.phone, agent_id=choice.agent_id, first_message=reference)


@dataclass
class Hand:
    """A process that dials, as far as it can be seen: what it holds is gone when it is killed."""

    runner: Runner
    book: AttemptBook
    dialer: Dialer
    collector: Collector
    client: AsyncFlireoClient
    unsent: list[Attempt] = field(default_factory=list)
    unwritten: list[Answer] = field(default_factory=list)


async def renew(hand: Hand) -> None:
    """As its heartbeat does."""
    await hand.runner.renew({})
    hand.dialer.owns_until = hand.runner.lease_until


def pick(some: Sequence[T], index: int) -> T:
    """One of them."""
    return some[index % len(some)]


class Machine(RuleBasedStateMachine):
    """Two campaigns, two hands each, one vendor."""

    fresh: Callable[[], str]  # URL of a ledger of an example's own; each kind of ledger has its way

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.database: Database = self.run(Database.open(self.fresh()))
        self.vendor = Vendor(self.database.now)
        self.batches = {name: self.run(self._take_in(name)) for name in NAMES}
        for name in NAMES:
            self.run(
                write_rules(self.database.campaign(name), POLICY, Readiness(), ACCOUNT, is_starting=True)
            )
        self.hands = {(name, n): self.run(self._join(name)) for name, n in HANDS}
        self.suppressed: set[str] = set()
        self.reports: list[bytes] = []

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        return self.loop.run(doing)

    hand = st.sampled_from(HANDS)
    name = st.sampled_from(NAMES)
    index = st.integers(0, 5)

    @rule(which=hand, fate=st.sampled_from(Fate), writes=st.booleans())
    def dial(self, which: tuple[str, int], fate: Fate, writes: bool) -> None:
        """The common case in one: begin, send what was begun, and perhaps write down what came of it."""
        self.pass_time(6.0, set())
        self.begin(which, 2)
        self.vendor.fate, hand = fate, self.hands[which]
        while hand.unsent:
            self.send_next(hand)
        if writes:
            self.put_down(which)

    @rule(which=hand, most=st.integers(1, 3))
    def begin(self, which: tuple[str, int], most: int) -> None:
        hand = self.hands[which]
        standing = self.run(CampaignControl(self.database.campaign(which[0])).standing())
        begun = self.run(hand.book.begin(self.batches[which[0]], POLICY, most, 0, self._answers(hand)))
        hand.unsent += begun.attempts
        assert not begun.attempts or standing.state is CampaignState.OPEN
        assert self.suppressed.isdisjoint(attempt.phone for attempt in begun.attempts)

    @precondition(lambda self: self.having("unsent"))
    @rule(index=index, fate=st.sampled_from(Fate))
    def submit(self, index: int, fate: Fate) -> None:
        """Send the request of an attempt; also one that was begun long ago, as by a runner that slept."""
        self.vendor.fate = fate
        self.send_next(pick(self.having("unsent"), index)[1])

    @precondition(lambda self: self.having("unwritten"))
    @rule(index=index)
    def write(self, index: int) -> None:
        self.put_down(pick(self.having("unwritten"), index)[0])

    @precondition(lambda self: self.having("unsent") or self.having("unwritten"))
    @rule(index=index)
    def kill(self, index: int) -> None:
        """Another process takes its place, under a name of its own; the old one's lease goes on."""
        which, hand = pick(self.having("unsent") or self.having("unwritten"), index)
        self.run(hand.client.close())
        self.hands[which] = self.run(self._join(which[0]))

    def send_next(self, hand: Hand) -> None:
        hand.dialer.stopped_by = None
        hand.unwritten.append(self.run(hand.dialer.dial(hand.unsent.pop(0))))

    def put_down(self, which: tuple[str, int]) -> None:
        hand = self.hands[which]
        self.run(hand.book.record(self._answers(hand)))

    def having(self, what: str) -> list[tuple[tuple[str, int], Hand]]:
        """The hands that hold something."""
        return [(which, hand) for which, hand in self.hands.items() if getattr(hand, what)]

    @rule(
        seconds=st.sampled_from([1.0, 6.0, LEASE_SECONDS + 1, GRACE_SECONDS + 1]),
        asleep=st.sets(st.sampled_from(HANDS)),
    )
    def pass_time(self, seconds: float, asleep: set[tuple[str, int]]) -> None:
        """Who is asleep does not renew its lease meanwhile, and does not know it when it wakes up."""
        self.database._offset += seconds
        self.vendor.ring_late_ones()
        for which, hand in self.hands.items():
            if which not in asleep:
                self.run(renew(hand))

    @precondition(lambda self: self.vendor.posts)
    @rule(which=hand, times=st.integers(1, 2))
    def take_over_and_poll(self, which: tuple[str, int], times: int) -> None:
        """Twice at once proves no more than once."""
        self.run(self.hands[which].book.orphaned())
        for _ in range(times):
            self.run(self.hands[which].collector.poll())

    @precondition(lambda self: self.having("unsent") or self.having("unwritten"))
    @rule(index=index)
    def oversleep(self, index: int) -> None:
        """A runner sleeps until another one took over all it began, and settled it; then it carries on."""
        which, _ = pick(self.having("unsent") or self.having("unwritten"), index)
        for seconds in (LEASE_SECONDS + 1, GRACE_SECONDS + 1):
            self.pass_time(seconds, {which})
            self.take_over_and_poll((which[0], 1 - which[1]), 1)

    @precondition(lambda self: self.vendor.posts)
    @rule(which=hand)
    def poll_in_vain(self, which: tuple[str, int]) -> None:
        """The list cannot be read: nothing may follow from it."""
        before = self.run(self._states())
        self.vendor.can_list = False
        self.run(self.hands[which].collector.poll())
        self.vendor.can_list = True
        assert self.run(self._states()) == before

    @precondition(lambda self: self.vendor.posts)
    @rule(times=st.integers(1, 2), knows_key=st.booleans())
    def sweep(self, times: int, knows_key: bool) -> None:
        """Every runner sleeps or died, and a sweep takes what it left; under another key it decides nothing."""
        self.pass_time(LEASE_SECONDS + 1, set(HANDS))
        for hand in self.hands.values():  # a sweep writes down what webhooks brought, whatever its key
            self.run(hand.collector.apply_reports())
        known = {row.id for row in self.run(self._attempts()) if row.call_id}
        before, vendor = self.run(self._states()), self.vendor if knows_key else Vendor(self.database.now)
        account = ACCOUNT if knows_key else Account("another key", "https://vendor/api/v1")
        for _ in range(times):
            summary = self.run(
                Sweep(self.database, account, connect=partial(AsyncFlireoClient, transport=vendor)).run()
            )
            assert summary.refused is None
        if not knows_key:
            after = self.run(self._states())
            # Once a dead runner's attempts are unknown, what a webhook brought may be theirs.
            reported = {row.id for row in self.run(self._attempts()) if row.id_source == IdSource.WEBHOOK}
            assert known <= {row[0] for row in after if row[2]} <= known | reported
            both = [it for it in zip(before, after, strict=True) if it[0][0] not in reported]
            lost = [(was[1], now[1]) for was, now in both if was[1] != now[1]]
            assert set(lost) <= {("sending", "unknown")}

    @precondition(lambda self: self.vendor.posts)
    @rule()
    def pass_an_hour(self) -> None:
        """No call lasts so long. What was called before and what is called from now on lie in windows apart."""
        for ring in self.vendor.live:
            self.vendor.hang_up(ring)
        self.pass_time(3700.0, set())

    @precondition(lambda self: self.vendor.live)
    @rule(index=index)
    def hang_up(self, index: int) -> None:
        ring = pick(self.vendor.live, index)
        self.vendor.hang_up(ring)
        self.reports.append(ring.report())

    @precondition(lambda self: self.reports)
    @rule(index=index, which=hand)
    def report(self, index: int, which: tuple[str, int]) -> None:
        """Also one that came before: a delivery may be doubled, and overtake another."""
        self.run(Inbox(self.database).store(pick(self.reports, index)))
        self.run(self.hands[which].collector.apply_reports())

    @precondition(lambda self: self.vendor.posts)
    @rule(name=name)
    def pause_or_resume(self, name: str) -> None:
        steering = CampaignControl(self.database.campaign(name))
        is_open = self.run(steering.standing()).state is CampaignState.OPEN
        self.run(steering.pause("for a test") if is_open else steering.resume())

    @precondition(lambda self: self.vendor.rings and not self.suppressed)
    @rule()
    def suppress(self) -> None:
        self.run(Suppressions(self.database).suppress([BEN], "asked for it"))
        self.suppressed.add(BEN)

    @precondition(lambda self: self.vendor.posts)
    @rule(index=index, state=st.sampled_from(AttemptState))
    def break_the_rules(self, index: int, state: AttemptState) -> None:
        """The ledger itself refuses a move that the table does not name."""
        rows = self.run(self._attempts())
        row = rows[index % len(rows)] if rows else None
        if row is not None and state != row.state and state not in MOVES[AttemptState(row.state)].values():
            with pytest.raises(IntegrityError):
                self.run(self._force(row.id, state))

    @invariant()
    def no_lead_is_lost(self) -> None:
        """Who is being called has one open attempt, and who waits has none. What goes on is known, or will be."""
        rows = self.run(self._attempts())
        open_ = [row.lead_id for row in rows if row.state in OPEN]
        assert len(open_) == len(set(open_))
        for lead in self.run(self._leads()):
            if lead.state == LeadState.CALLING:
                assert lead.id in open_
            if lead.state == LeadState.WAITING:
                assert lead.id not in open_
        unowned = {row.phone for row in rows if row.state in (AttemptState.SENDING, AttemptState.UNKNOWN)}
        owned = {row.call_id for row in rows} | {row.report_id for row in rows}
        unheard = {answer.attempt.phone for hand in self.hands.values() for answer in hand.unwritten}
        for ring in self.vendor.rings:
            assert ring.call_id in owned or ring.phone in unowned | unheard, "a ring that nobody knows of"

    def teardown(self) -> None:
        try:
            self.run(self._finish())
        finally:
            for hand in self.hands.values():
                self.run(hand.client.close())
            self.run(self.database.close())
            self.loop.close()

    async def _finish(self) -> None:
        """Once nothing goes wrong any more, everyone comes to an end."""
        for name in NAMES:
            if (await CampaignControl(self.database.campaign(name)).standing()).state is CampaignState.PAUSED:
                await CampaignControl(self.database.campaign(name)).resume()
        self.vendor.fate = Fate.PLACED
        for turn in range(ROUNDS):
            for (name, n), hand in self.hands.items():
                if (
                    turn == 0 or n == 0
                ):  # one of a campaign's two is enough, once the other wrote what it knew
                    await self._round(name, hand)
            if {lead.state for lead in await self._leads()} <= set(FINAL):
                return
        raise AssertionError(f"leads are lost: {[(lead.state, lead.reason) for lead in await self._leads()]}")

    async def _round(self, name: str, hand: Hand) -> None:
        """What an engine does, one after the other."""
        await renew(hand)
        hand.dialer.stopped_by = None
        hand.unwritten += [await hand.dialer.dial(attempt) for attempt in hand.unsent]
        hand.unsent = (await hand.book.begin(self.batches[name], POLICY, 3, 0, self._answers(hand))).attempts
        hand.unwritten += [await hand.dialer.dial(attempt) for attempt in hand.unsent]
        hand.unsent = []
        await hand.book.record(self._answers(hand))
        for ring in self.vendor.live:
            self.vendor.hang_up(ring)
        await hand.collector.poll()
        self.database._offset += GRACE_SECONDS
        self.vendor.ring_late_ones()
        await hand.book.orphaned()

    def _answers(self, hand: Hand) -> list[Answer]:
        answers, hand.unwritten = hand.unwritten, []
        return answers

    async def _take_in(self, name: str) -> str:
        return await LeadBook(self.database.campaign(name)).take_in([person(phone) for phone in PEOPLE[name]])

    async def _join(self, name: str) -> Hand:
        runner = Runner(self.database.campaign(name), LEASE_SECONDS)
        await runner.join()
        book = AttemptBook(self.database.campaign(name), runner.id, Naming(Caller("agent", "number")))
        client = AsyncFlireoClient(ACCOUNT, transport=self.vendor)
        dialer = Dialer(
            client, self.database, Naming(Caller("agent", "number")), owns_until=runner.lease_until
        )
        return Hand(
            runner, book, dialer, Collector(client, self.database.campaign(name), POLICY, Readiness()), client
        )

    async def _attempts(self) -> list[Any]:
        async with self.database.read() as db:
            return list((await db.execute(select(attempts).order_by(attempts.c.id))).all())

    async def _leads(self) -> list[Any]:
        async with self.database.read() as db:
            return list((await db.execute(select(leads))).all())

    async def _states(self) -> list[tuple[Any, ...]]:
        return [(row.id, row.state, row.call_id, row.absent_since) for row in await self._attempts()]

    async def _force(self, attempt_id: int, state: AttemptState) -> None:
        async with self.database.write() as db:
            await db.execute(update(attempts).where(attempts.c.id == attempt_id).values(state=state))


def explore(machine: type[Machine], examples: int) -> None:
    """Have many orders of events tried."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_on_sqlite_no_one_is_called_twice_and_no_one_is_lost(tmp_path: Path) -> None:
    template, ledgers = tmp_path / "template.db", iter(range(10**9))
    asyncio.run(_make(f"sqlite:///{template}"))

    class OnSqlite(Machine):
        @staticmethod
        def fresh() -> str:
            file = tmp_path / f"{next(ledgers)}.db"
            shutil.copy(template, file)
            return f"sqlite:///{file}"

    explore(OnSqlite, EXAMPLES)


@pytest.mark.postgres
def test_on_postgresql_no_one_is_called_twice_and_no_one_is_lost(postgres: Postgres) -> None:
    class OnPostgresql(Machine):
        @staticmethod
        def fresh() -> str:
            return postgres.fresh_database()

    explore(OnPostgresql, max(3, EXAMPLES // 5))


async def _make(url: str) -> None:
    async with await Database.open(url):
        pass
