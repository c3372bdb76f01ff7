"""Who was called before: which numbers are one person's, calls of others to a person, results still to come."""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Float,
    Row,
    Select,
    String,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.identity import person_key
from flireo_flows.api.redaction import redact
from flireo_flows.ledger.database import CampaignLedger, Database
from flireo_flows.ledger.schema import TALKED, account_calls, attempts, campaigns, leads, people
from flireo_flows.lifecycle.analysis_answers import has_answer
from flireo_flows.lifecycle.states import AttemptState
from flireo_flows.policy import CallingPolicy, OtherCall, others_memory

DECIDING: Final = 704_197  # first key of the locks of people; the hash of the person is the second
# Of two numbers: where they are the same it may be one person, in whatever form it is written.
TAIL_DIGITS: Final = 8
MOST_NAMED: Final = 5  # campaigns
ACCOUNT: Final = ""  # in the place of a campaign: calls of the account that this ledger did not make
WEBHOOK: Final = "webhook"  # the platform sends its report after the analysis (contract section 15.2)
CHUNK: Final = 500  # values a statement


_MINE, _THEIRS = people.alias("mine"), people.alias("theirs")
# Made once: making a statement costs as much as running it.
NUMBERS: Final = (
    select(_MINE.c.phone, _THEIRS.c.phone.label("other"))
    .join(_THEIRS, _THEIRS.c.person == _MINE.c.person)
    .where(_MINE.c.phone.in_(bindparam("phones", expanding=True)))
    .order_by(_THEIRS.c.phone)
)


async def numbers_in(db: AsyncConnection, phones: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """All numbers of the persons whose several numbers are known, by each number that is asked for."""
    numbers: dict[str, tuple[str, ...]] = {}
    for chunk in _chunks(phones):
        for phone, other in (await db.execute(NUMBERS, {"phones": chunk})).all():
            numbers[phone] = (*numbers.get(phone, ()), other)
    return numbers


async def lock_people_in(
    db: AsyncConnection, database: Database, phones: Sequence[str], numbers: Mapping[str, tuple[str, ...]]
) -> None:
    """Wait until no other campaign decides about these people; they wait for us until the transaction ends.

    SQLite has one writer anyway. PostgreSQL would let two campaigns count a person's calls at the same moment, and
    then both call: the calls of each would be unseen by the other.

    Args:
        db: A transaction of `Database.write(campaign)`.
        phones: E.164.
        numbers: What `numbers_in` gave for them.
    """
    if database.is_sqlite:
        return
    keys = sorted({numbers[phone][0] if phone in numbers else phone for phone in phones})
    hashed = (
        select(func.hashtext(func.unnest(literal(keys, ARRAY(String)))).label("key"))
        .distinct()
        .order_by("key")
        .subquery()
    )
    # In the order of the keys that are locked, in every transaction: else two of them could wait for each other.
    await db.execute(select(func.pg_advisory_xact_lock(DECIDING, hashed.c.key)))


def _chunks(numbers: Sequence[str]) -> Iterator[Sequence[str]]:
    return (numbers[start : start + CHUNK] for start in range(0, len(numbers), CHUNK))


@dataclass(frozen=True, slots=True)
class CallsByOthers:
    """What others did about a person.

    Attributes:
        calls: Their calls, oldest first.
        open_until: Until when a call of the account counts as open; None where there is none. See
            `AccountCall.open_until`.
    """

    calls: tuple[OtherCall, ...] = ()
    open_until: datetime | None = None


NOTHING: Final = CallsByOthers()


async def calls_by_others_in(
    db: AsyncConnection,
    campaign: str,
    phones: Sequence[str],
    numbers: Mapping[str, tuple[str, ...]],
    policy: CallingPolicy,
    now: float,
    *,
    has_account_calls: bool = True,
) -> dict[str, CallsByOthers]:
    """Calls to each person that the campaign did not make; who was not called is left out.

    Args:
        campaign: Whose own calls do not count.
        phones: E.164.
        numbers: What `numbers_in` gave for them.
        policy: Decides how far back.
        now: Unix seconds.
        has_account_calls: Whether the ledger knows calls of an account at all.
    """
    since = now - others_memory(policy).total_seconds()
    every = sorted({number for phone in phones for number in numbers.get(phone, (phone,))})
    calls: dict[str, list[OtherCall]] = defaultdict(list)
    open_until: dict[str, float] = {}
    asks_back = _asks_back(policy)
    for chunk in _chunks(every):
        asked = {"phones": chunk, "campaign_": campaign, "since": since}
        for row in (await db.execute(ATTEMPTS, asked)).all() if since < now else ():
            calls[row.phone].append(OtherCall(moment_of(row.began_at), row.shown or "", asks_back(row)))
        tails = _by_tail(chunk) if has_account_calls else {}
        there = {"tails": list(tails), "since": since, "now": now}
        for row in (await db.execute(ACCOUNT_CALLS, there)).all() if tails else ():
            for number in tails[row.tail]:
                if since < now and row.began_at >= since:
                    calls[number].append(OtherCall(moment_of(row.began_at)))
                open_until[number] = max(row.open_until, open_until.get(number, 0.0))
    if not calls and not open_until:
        return {}
    found = {phone: _of(numbers.get(phone, (phone,)), calls, open_until, now) for phone in phones}
    return {phone: others for phone, others in found.items() if others != NOTHING}


def _of(
    numbers: Sequence[str],
    calls: Mapping[str, Sequence[OtherCall]],
    open_until: Mapping[str, float],
    now: float,
) -> CallsByOthers:
    """What others did about the person of these numbers."""
    all_calls = [call for number in numbers for call in calls.get(number, ())]
    until = max((open_until.get(number, 0.0) for number in numbers), default=0.0)
    ordered = tuple(sorted(all_calls, key=lambda call: call.at))
    return CallsByOthers(ordered, moment_of(until) if until > now else None)


def tail_of(phone: str) -> str:
    """The last digits of a number; empty where it has too few to know a person by."""
    digits = "".join(character for character in phone if character.isdigit())
    return digits[-TAIL_DIGITS:] if len(digits) >= TAIL_DIGITS else ""


def is_attempt() -> ColumnElement[bool]:
    """Whether the call is one of an attempt: one whose answer was lost takes its call from the list later."""
    mine = or_(attempts.c.call_id == account_calls.c.call_id, attempts.c.report_id == account_calls.c.call_id)
    return select(attempts.c.id).where(mine).exists()


# Made once: making a statement costs as much as running it, and these run for every handful of leads.
ATTEMPTS: Final = (
    select(attempts.c.phone, attempts.c.began_at, campaigns.c.shown, attempts.c.analysis)
    .outerjoin(campaigns, campaigns.c.name == attempts.c.campaign)
    .where(
        attempts.c.phone.in_(bindparam("phones", expanding=True)),
        attempts.c.campaign != bindparam("campaign_"),
        attempts.c.state != AttemptState.NOT_PLACED,
        attempts.c.began_at >= bindparam("since"),
    )
)
ACCOUNT_CALLS: Final = select(
    account_calls.c.tail, account_calls.c.began_at, account_calls.c.open_until
).where(
    account_calls.c.tail.in_(bindparam("tails", expanding=True)),
    or_(account_calls.c.began_at >= bindparam("since"), account_calls.c.open_until > bindparam("now")),
    ~is_attempt(),
)


def _by_tail(numbers: Sequence[str]) -> dict[str, list[str]]:
    tails: dict[str, list[str]] = defaultdict(list)
    for number in numbers:
        if tail := tail_of(number):
            tails[tail].append(number)
    return tails


def _asks_back(policy: CallingPolicy) -> Callable[[Row[Any]], bool]:
    keys = policy.other_campaigns.callback_keys

    def asks_back(row: Row[Any]) -> bool:
        if not row.analysis:
            return False
        analysis = json.loads(row.analysis)
        return any(has_answer(analysis, rule.key, rule.equals) for rule in keys)

    return asks_back


def moment_of(seconds: float) -> datetime:
    """Aware, of Unix seconds."""
    return datetime.fromtimestamp(seconds, UTC)


async def awaited_in(
    db: AsyncConnection, phones: Sequence[str], policy: CallingPolicy, now: float
) -> dict[str, datetime]:
    """Until when the analysis of a call to each number may still come, of whatever campaign.

    A call of which the platform's own report came is complete, and so is one that no one answered. Of the others the
    analysis is awaited for the policy's grace: it comes seconds after the summary, and a poller may read in between.

    Args:
        phones: E.164.
        policy: Decides how long a summary and an analysis are waited for.
        now: Unix seconds of the ledger's clock.

    Returns:
        Aware moments after `now`, by number; who is not in it waits for nothing.
    """
    asked = {
        "report_grace": policy.report_grace_seconds,
        "analysis_grace": policy.analysis_grace_seconds,
        "now_": now,
    }
    found: dict[str, datetime] = {}
    for chunk in _chunks(phones):
        for phone, moment in (await db.execute(AWAITED, {**asked, "phones": chunk})).all():
            found[phone] = moment_of(moment)
    return found


def _awaited() -> Select[Any]:
    """Made once: making it costs as much as running it."""
    over, reported = attempts.c.over_at, attempts.c.reported_at
    report_grace, analysis_grace = (
        bindparam(name, type_=Float) for name in ("report_grace", "analysis_grace")
    )
    until = case(
        (reported.is_(None), over + report_grace),
        (reported > over, reported + analysis_grace),
        else_=over + analysis_grace,
    )
    return (
        select(attempts.c.phone, func.max(until))
        .where(
            attempts.c.phone.in_(bindparam("phones", expanding=True)),
            over.is_not(None),
            attempts.c.analysed_at.is_(None),
            attempts.c.report_channel != WEBHOOK,
            TALKED,
            until > bindparam("now_", type_=Float),
        )
        .group_by(attempts.c.phone)
    )


AWAITED: Final = _awaited()


@dataclass(frozen=True, slots=True)
class CalledBy:
    """Who called people of a file.

    Attributes:
        campaign: As it is shown; empty for calls of the account that this ledger did not make.
        people: How many of them.
        last_at: When it called one of them last; aware, UTC.
    """

    campaign: str
    people: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class EarlierCalls:
    """The people of a file who were called before, over all their numbers.

    Attributes:
        people: In the file.
        called: Those who were called, or may have been, by whatever campaign of the ledger or call of the account.
        by: Who called them, most people first.
    """

    people: int = 0
    called: int = 0
    by: tuple[CalledBy, ...] = ()

    @property
    def in_words(self) -> str:
        """One sentence, without a number; empty where no one was called before."""
        if not self.called:
            return ""
        named = [_called_by(each) for each in self.by[:MOST_NAMED]]
        if len(self.by) > MOST_NAMED:
            named.append(f"others by {len(self.by) - MOST_NAMED} more campaigns")
        were = "was" if self.called == 1 else "were"
        return f"{self.called} of these {self.people} people {were} called before: {', '.join(named)}."


async def earlier_calls_of(campaign: CampaignLedger, batch: str) -> EarlierCalls:
    """As `earlier_calls_in`, for the people of a file that a campaign took in."""
    wanted = select(leads.c.phone).where(leads.c.campaign == campaign.name, leads.c.batch == batch)
    async with campaign.read() as db:
        return await earlier_calls_in(db, list((await db.execute(wanted)).scalars()))


async def earlier_calls_in(db: AsyncConnection, phones: Collection[str]) -> EarlierCalls:
    """Look up who of these was called before.

    Args:
        phones: E.164.
    """
    asked = sorted(set(map(person_key, phones)))
    numbers = await numbers_in(db, asked)
    every = sorted({number for phone in asked for number in numbers.get(phone, (phone,))})
    last: dict[str, dict[str, float]] = defaultdict(dict)  # by number, by campaign
    for chunk in _chunks(every):
        await _look_up(db, chunk, last)
    if not last:
        return EarlierCalls(len(asked))
    counts: dict[str, tuple[int, float]] = {}
    called = 0
    for phone in asked:
        mine: dict[str, float] = {}
        for number in numbers.get(phone, (phone,)):
            for campaign, at in last.get(number, {}).items():
                mine[campaign] = max(at, mine.get(campaign, at))
        called += bool(mine)
        for campaign, at in mine.items():
            count, newest = counts.get(campaign, (0, at))
            counts[campaign] = count + 1, max(at, newest)
    by = [
        CalledBy(campaign, count, datetime.fromtimestamp(at, UTC)) for campaign, (count, at) in counts.items()
    ]
    by.sort(key=lambda each: (each.campaign == ACCOUNT, -each.people, each.campaign))
    return EarlierCalls(len(asked), called, tuple(by))


async def _look_up(db: AsyncConnection, phones: Sequence[str], last: dict[str, dict[str, float]]) -> None:
    mine = (
        select(attempts.c.phone, campaigns.c.shown, func.max(attempts.c.began_at))
        .join(campaigns, campaigns.c.name == attempts.c.campaign)
        .where(attempts.c.phone.in_(phones), attempts.c.state != AttemptState.NOT_PLACED)
        .group_by(attempts.c.phone, campaigns.c.shown)
    )
    for phone, shown, at in (await db.execute(mine)).all():
        last[phone][shown] = at
    tails = _by_tail(phones)
    theirs = (
        select(account_calls.c.tail, func.max(account_calls.c.began_at))
        .where(account_calls.c.tail.in_(list(tails)), ~is_attempt())
        .group_by(account_calls.c.tail)
    )
    for tail, at in (await db.execute(theirs)).all():
        for phone in tails[tail]:
            last[phone][ACCOUNT] = at


def _called_by(each: CalledBy) -> str:
    by = f"by {redact(each.campaign)!r}" if each.campaign else "by other calls of the account"
    return f"{each.people} {by} (last on {each.last_at:%Y-%m-%d})"
