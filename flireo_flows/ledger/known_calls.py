"""Calls whose attempts we know: what a reading of the call list has to show before it proves anything."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, Select, and_, case, func, or_, select, update

from flireo_flows.ledger.database import CampaignLedger, Database, from_row
from flireo_flows.ledger.run_rules import LONGEST_CALL_SECONDS, Readiness
from flireo_flows.ledger.schema import IS_ERASED, attempts
from flireo_flows.ledger.suppressions import chunks
from flireo_flows.lifecycle.states import AttemptState, IdSource

# How far back known calls are looked for that were placed before an attempt.
LOOKBACK_SECONDS: Final = 86_400.0
EARLIER: Final = 3  # of those, so many
# How long after its request a call that no list shows is asked for by its id at the latest.
LATE_LIST_SECONDS: Final = 120.0
HAS_CALL: Final = and_(
    or_(attempts.c.call_id.is_not(None), attempts.c.report_id.is_not(None)),
    attempts.c.id_source != IdSource.MISMATCH,
    ~IS_ERASED,  # of a forgotten person there is no number to compare
)


@dataclass(frozen=True, slots=True)
class KnownCall:
    """An attempt whose call has an id.

    Attributes:
        attempt_id: Of the attempt.
        phone: The number that was called, E.164; a pseudonym where its person was forgotten.
        began_at: When the attempt began, Unix seconds of the ledger's clock.
        state: Of the attempt.
        call_id: The call's id; None where only a webhook named one.
        report_id: The id by which webhooks name the call, where it is another one: perhaps not that of the list.
        id_source: Where `call_id` is from.
        listed_at: When a reading first showed it; None where none did.
        fetched_at: When it was last asked for by its id because the list did not show it.
        is_analysed: Whether its analysis is in.
    """

    attempt_id: int
    campaign: str
    phone: str
    began_at: float
    state: AttemptState
    call_id: str | None
    report_id: str | None = None
    id_source: IdSource = IdSource.NONE
    listed_at: float | None = None
    fetched_at: float | None = None
    is_analysed: bool = False

    @property
    def is_open(self) -> bool:
        """Whether its result is not in."""
        return self.state is AttemptState.PLACED

    @property
    def is_webhook_id(self) -> bool:
        """Whether a webhook gave its id: perhaps not the id of the list."""
        return self.id_source is IdSource.WEBHOOK

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids that it is known by, that of the list first."""
        return tuple(each for each in (self.call_id, self.report_id) if each is not None)

    def may_be_asked_for(self, now: float) -> bool:
        """Whether its campaign's run will soon ask for it by its id, for the first time, if no list shows it."""
        is_new = self.listed_at is None and self.fetched_at is None
        return self.is_open and is_new and now < self.began_at + LATE_LIST_SECONDS


_COLUMNS: Final = (
    attempts.c.id.label("attempt_id"),
    *(attempts.c[name] for name in KnownCall.__annotations__ if name in attempts.c),
    attempts.c.analysis.is_not(None).label("is_analysed"),
)


async def placed_calls(campaign: CampaignLedger) -> list[KnownCall]:
    """The calls of a campaign whose results are not in, oldest first."""
    # Also of people who were forgotten: their results are awaited, without words.
    wanted = select(*_COLUMNS).where(
        attempts.c.campaign == campaign.name,
        attempts.c.state == AttemptState.PLACED,
        or_(attempts.c.call_id.is_not(None), attempts.c.report_id.is_not(None)),
    )
    return await _read(campaign.database, wanted)


async def calls_around(database: Database, campaigns: Collection[str], began_at: float) -> list[KnownCall]:
    """Known calls from the last few before an attempt on, within a day of it, oldest first.

    Args:
        campaigns: Those of the account.
        began_at: When the attempt began, Unix seconds.
    """
    mine = select(*_COLUMNS).where(attempts.c.campaign.in_(sorted(campaigns)), HAS_CALL)
    earlier = mine.where(attempts.c.began_at < began_at, attempts.c.began_at >= began_at - LOOKBACK_SECONDS)
    before = await _read(database, earlier.order_by(attempts.c.began_at.desc()).limit(EARLIER))
    return [*before, *await _read(database, mine.where(attempts.c.began_at >= began_at))]


async def owners_of(database: Database, call_ids: Sequence[str]) -> dict[str, KnownCall]:
    """The calls of these ids that have an attempt, of whatever campaign, by id."""
    owners: dict[str, KnownCall] = {}
    async with database.read() as db:
        for chunk in chunks(call_ids):
            for known_as in (attempts.c.report_id, attempts.c.call_id):
                rows = (await db.execute(select(*_COLUMNS).where(known_as.in_(chunk)))).all()
                owners |= {getattr(row, known_as.name): _known(row) for row in rows}
    return owners


async def still_placed(database: Database, attempt_ids: Iterable[int]) -> list[KnownCall]:
    """Those of these attempts whose result is not in yet, as the ledger has them now."""
    rows: list[Row[Any]] = []
    async with database.read() as db:
        for chunk in chunks(list(attempt_ids)):
            wanted = select(*_COLUMNS).where(
                attempts.c.id.in_(chunk), attempts.c.state == AttemptState.PLACED
            )
            rows += (await db.execute(wanted.order_by(attempts.c.id))).all()
    return [_known(row) for row in rows]


async def silent_calls(
    campaign: CampaignLedger, readiness: Readiness, over_before: float, asked_before: float, most: int
) -> list[KnownCall]:
    """Calls of a campaign that should be long over, and whose results are not in.

    Args:
        readiness: Shows how long a call can last.
        over_before: A call that must have ended before this moment should be over; Unix seconds.
        asked_before: One that was asked for later is left out; Unix seconds.
        most: Calls at most.
    """
    longest = readiness.longest_call
    lasts = case(
        (attempts.c.agent_id.in_(readiness.agents), longest), else_=max(longest, LONGEST_CALL_SECONDS)
    )
    wanted = select(*_COLUMNS).where(
        attempts.c.campaign == campaign.name,
        attempts.c.state == AttemptState.PLACED,
        attempts.c.began_at + lasts < over_before,
        or_(attempts.c.asked_at.is_(None), attempts.c.asked_at <= asked_before),
    )
    async with campaign.read() as db:
        # In any order: one that can never be read must not keep the others from being asked for.
        rows = (await db.execute(wanted.order_by(func.random()).limit(max(0, most)))).all()
    return [_known(row) for row in rows]


async def mark_listed(database: Database, attempt_ids: Sequence[int], read_at: float) -> None:
    """Write down that a reading showed these calls."""
    if not attempt_ids:
        return
    async with database.write() as db:
        for chunk in chunks(list(attempt_ids)):
            new = update(attempts).where(attempts.c.id.in_(chunk), attempts.c.listed_at.is_(None))
            await db.execute(new.values(listed_at=read_at))


async def mark_fetched(database: Database, attempt_id: int, now: float) -> None:
    """Write down that a call was asked for by its id."""
    async with database.write() as db:
        await db.execute(update(attempts).where(attempts.c.id == attempt_id).values(fetched_at=now))


async def _read(database: Database, wanted: Select[Any]) -> list[KnownCall]:
    async with database.read() as db:
        return sorted(map(_known, (await db.execute(wanted)).all()), key=lambda call: call.began_at)


def _known(row: Row[Any]) -> KnownCall:
    return from_row(KnownCall, row, state=AttemptState(row.state), id_source=IdSource(row.id_source))
