"""Numbers that nobody may call now, in whatever campaign: for whoever has them called past this ledger's campaigns."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.numbering import spellings
from flireo_flows.calling.ledger.database import Database
from flireo_flows.calling.ledger.schema import IS_OPEN, attempts, do_not_call, leads
from flireo_flows.calling.ledger.suppressions import FORGOTTEN, pieces, suppressed_in
from flireo_flows.leads.wishes import Wishes

BEING_CALLED: Final = "a call to it is under way, or its result is not in yet"
OPTED_OUT: Final = "its row in a file said no"
ON_A_LIST: Final = "it stands on a campaign's do-not-call list"
SAID_NO: Final = {"person": "suppressed", FORGOTTEN: "its person was forgotten"}
LEARNT: Final = "suppressed, as a call taught"


async def barred(database: Database, phones: Collection[str]) -> dict[str, str]:
    """Which of these numbers nobody may call now.

    Args:
        database: The ledger; all of its campaigns count.
        phones: E.164. All spellings of a number are one.

    Returns:
        Why, in words without a number, for each that is barred: it is suppressed, its person opted out or was
        forgotten, or a call to it is open, of which nobody may know yet whether it rang.
    """
    written = {phone: spellings(phone) for phone in phones}
    found: dict[str, str] = {}
    async with database.read() as db:
        for chunk in pieces(sorted(frozenset().union(*written.values()))):
            found |= await _being_called(db, chunk)
            found |= await _opted_out(db, chunk)
            said = await suppressed_in(db, database, chunk)
            found |= {phone: SAID_NO.get(source, LEARNT) for phone, source in said.items()}
    whys = {
        phone: next((found[one] for one in sorted(ways) if one in found), "")
        for phone, ways in written.items()
    }
    return {phone: why for phone, why in whys.items() if why}


async def _being_called(db: AsyncConnection, phones: Collection[str]) -> dict[str, str]:
    calls = select(attempts.c.phone).where(attempts.c.phone.in_(phones), IS_OPEN)
    return dict.fromkeys((await db.execute(calls)).scalars(), BEING_CALLED)


async def _opted_out(db: AsyncConnection, phones: Collection[str]) -> dict[str, str]:
    """Whoever said no in one campaign said it to all: nobody knows here which of two rows is the newer one."""
    listed = select(do_not_call.c.phone).where(do_not_call.c.phone.in_(phones))
    found = dict.fromkeys((await db.execute(listed)).scalars(), ON_A_LIST)
    asked = select(leads.c.phone, leads.c.wishes).where(leads.c.phone.in_(phones))
    for phone, wishes in (await db.execute(asked)).all():
        if Wishes.from_json(wishes).consent.given is False:
            found[phone] = OPTED_OUT
    return found
