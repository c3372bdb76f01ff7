"""A campaign to test with: people, the ledger's own rows, and an engine with everything set."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, select, update

from flireo_flows.api.client import Account, AsyncFlireoClient, Timeouts
from flireo_flows.calling.collector import Collector
from flireo_flows.calling.dialer import Dialer
from flireo_flows.calling.engine import RunResult, RunSettings, run_campaign
from flireo_flows.calling.run_loop import Until
from flireo_flows.leads import Lead
from flireo_flows.ledger import (
    Answer,
    Attempt,
    AttemptBook,
    Database,
    LeadBook,
    LeadResult,
    Runner,
    Views,
)
from flireo_flows.ledger.database import CampaignLedger
from flireo_flows.ledger.run_rules import AccountRead, Readiness, fingerprint, keep_account
from flireo_flows.ledger.schema import attempts, leads
from flireo_flows.ledger.unknown_attempts import UnknownAttempts
from flireo_flows.lifecycle.absence import Verdict, View
from flireo_flows.lifecycle.states import AttemptEvent
from flireo_flows.policy import CallingPolicy, OtherCampaigns
from flireo_flows.script import Caller, Composer
from tests.support.sandbox.running import ANNA, BEN, CARLA

__all__ = ["ANNA", "BEN", "CALLER", "CARLA", "POLICY", "Campaign", "people", "person"]

CALLER = Composer(Caller("demo-agent", "demo-number"))
# At any hour, and quick: the distances between readings are seconds where people have minutes.
POLICY = CallingPolicy(
    calling_hours=None, max_concurrent_calls=200, reconcile_grace_seconds=1, poll_seconds=0.2
)
# For tests in which several campaigns call the same people within minutes.
OTHERS_DO_NOT_COUNT = OtherCampaigns(min_gap_hours=0, max_calls=0)
FREE = POLICY.model_copy(update={"other_campaigns": OTHERS_DO_NOT_COUNT})

LONG_LEASE_SECONDS = 3600.0  # no one renews it, and a test may be slow


def person(phone: str = ANNA, **fields: Any) -> Lead:
    """One person to call."""
    return Lead(phone=phone, **{"zones": ("Europe/London",), **fields})


def people(count: int, first: int = 0) -> list[Lead]:
    """People with numbers that Ofcom keeps for fiction: a thousand at most."""
    numbers = range(first, first + count)
    return [person(f"+447700900{n:03d}", name=f"Person {n}", line=n + 2) for n in numbers]


@dataclass
class Campaign:
    """One campaign on one ledger, and a server to call through.

    Attributes:
        readiness: None has the engine check the account first.
        composer: Chooses agent and number for each attempt.
    """

    database: Database
    base_url: str = "http://127.0.0.1:1/api/v1"
    name: str = "campaign"
    policy: CallingPolicy = POLICY
    readiness: Readiness | None = None
    timeouts: Timeouts = field(default_factory=lambda: Timeouts(connect=2, read=5, call=5))
    batch: str = ""
    composer: Composer = CALLER
    ignore_recent_calls: bool = False

    async def know_account(self) -> None:
        """The ledger has read the account's calls of the last days before, and there were none."""
        now = self.database.now()
        read = AccountRead(read_at=now, read_back_to=now - 7 * 86_400, calls=0, unnamed=0)
        await keep_account(self.database, fingerprint(self.account, self.database), [], read)

    @property
    def account(self) -> Account:
        """Where to call, and with which key."""
        return Account("sandbox-key", self.base_url, timeouts=self.timeouts)

    @property
    def ledger(self) -> CampaignLedger:
        """It, in its ledger."""
        return self.database.campaign(self.name)

    @property
    def book(self) -> LeadBook:
        """Its leads."""
        return LeadBook(self.ledger)

    async def take_in(self, *leads_: Lead) -> str:
        """Give it leads."""
        self.batch = await self.book.take_in(leads_)
        return self.batch

    async def run(self, until: Until = Until.FINISHED, seconds: float | None = None) -> RunResult:
        """Run it here, for so long at most."""
        if self.readiness is not None:  # what comes before the first call is done
            await self.know_account()
        engine = RunSettings(
            self.ledger,
            self.account,
            self.batch,
            CALLER,
            self.policy,
            readiness=self.readiness,
            ignore_recent_calls=self.ignore_recent_calls,
        )
        return await run_campaign(
            engine, until, self.database.now() + seconds if seconds is not None else None
        )

    async def runner(self) -> AttemptBook:
        """The attempts, as a runner that just joined writes them."""
        runner = Runner(self.ledger, LONG_LEASE_SECONDS)
        await runner.join()
        return AttemptBook(self.ledger, runner.id, self.composer)

    @property
    def unknown(self) -> UnknownAttempts:
        """Its attempts whose call may or may not have been placed."""
        return UnknownAttempts(self.ledger)

    async def begin(self, book: AttemptBook, most: int = 100) -> list[Attempt]:
        """Commit attempts to call the leads that the policy allows."""
        return (await book.begin(self.batch, self.policy, most, 0)).attempts

    async def record(self, book: AttemptBook, *answers: Answer) -> None:
        """Write what came of requests."""
        await book.record(answers)

    async def placed(self, book: AttemptBook, call_id: str = "call-1", phone: str = ANNA) -> Attempt:
        """A lead was called, and the call id came back."""
        (attempt,) = await self._begin_one(book, phone)
        await self.record(book, Answer(attempt, AttemptEvent.ACCEPTED, call_id=call_id))
        return attempt

    async def lost(self, book: AttemptBook, phone: str = ANNA) -> Attempt:
        """A lead may have been called, and no answer came back."""
        (attempt,) = await self._begin_one(book, phone)
        await self.record(book, Answer(attempt, AttemptEvent.LOST, detail="no answer"))
        return attempt

    async def prove_absent(self, book: AttemptBook, attempt: Attempt) -> None:
        """Complete readings, with a call that was placed later, do not show its call."""
        now, verdict = self.database.now(), Verdict.OPEN
        for reading in range(2):
            view = View(now + reading, is_whole=True, contradicts=False, canary_id=attempt.id + 1, rows=1)
            verdict = await self.unknown.weigh(attempt, view, 0.0, self.policy)
        assert verdict is Verdict.ABSENT

    async def _begin_one(self, book: AttemptBook, phone: str) -> list[Attempt]:
        await self.take_in(person(phone))
        return await self.begin(book)

    def dialer(self, client: AsyncFlireoClient) -> Dialer:
        """What calls for it."""
        return Dialer(client, self.database, CALLER)

    def collector(self, client: AsyncFlireoClient) -> Collector:
        """What collects for it."""
        return Collector(client, self.ledger, self.policy, self.readiness or Readiness())

    async def attempts(self) -> list[Row[Any]]:
        """Its attempts, as the ledger has them."""
        async with self.database.read() as db:
            mine = select(attempts).where(attempts.c.campaign == self.name).order_by(attempts.c.id)
            return list((await db.execute(mine)).all())

    async def attempt(self) -> Row[Any]:
        """Its one attempt."""
        (row,) = await self.attempts()
        return row

    async def leads(self) -> dict[str, Row[Any]]:
        """Its leads by number, as the ledger has them."""
        async with self.database.read() as db:
            mine = select(leads).where(leads.c.campaign == self.name)
            return {row.phone: row for row in (await db.execute(mine)).all()}

    async def lead(self, phone: str = ANNA) -> Row[Any]:
        """One lead."""
        return (await self.leads())[phone]

    async def results(self) -> dict[str, LeadResult]:
        """What became of each lead, as people read it."""
        return {result.phone: result for result in await Views(self.database).results(self.name)}

    async def age(self, seconds: float) -> None:
        """Let all that happened have happened so much earlier."""
        moments = ["began_at", "lost_at", "over_at", "started_at", "ended_at", "asked_at", "fetched_at"]
        moments += ["absent_since", "read_at", "proof_since", "proof_at", "canary_since", "listed_at"]
        earlier = {name: attempts.c[name] - seconds for name in moments}
        async with self.database.write() as db:
            await db.execute(update(attempts).where(attempts.c.campaign == self.name).values(earlier))
