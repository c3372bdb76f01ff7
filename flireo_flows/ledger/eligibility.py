"""Numbers that no one may call now, as the ledger has it at this moment.

`denied_numbers` is for whoever calls them past this ledger's campaigns, `late_denial` for a call that is about to go
out.
"""

from collections.abc import Collection
from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from flireo_flows.api.identity import digits, spellings
from flireo_flows.leads import Refusal, Wishes, read_number
from flireo_flows.ledger.database import Database
from flireo_flows.ledger.intents import Attempt
from flireo_flows.ledger.schema import IS_OPEN, attempts, campaigns, do_not_call, leads, suppressions
from flireo_flows.ledger.suppressions import chunks, digest, suppressed_in
from flireo_flows.lifecycle.states import CampaignState, Reason, SuppressionSource

BEING_CALLED: Final = "a call to it is under way, or its result is not in yet"
OPTED_OUT: Final = "its row in a file said no"
ON_A_LIST: Final = "it stands on a campaign's do-not-call list"
SAID_NO: Final = {
    SuppressionSource.PERSON: "suppressed",
    SuppressionSource.FORGOTTEN: "its person was forgotten",
}
LEARNT: Final = "suppressed, as a call taught"
CLOSED: Final = frozenset({CampaignState.PAUSED, CampaignState.CANCELLED})


# Made once: making it costs as much as running it.
_NOW: Final = (
    select(
        leads.c.phone,
        leads.c.wishes,
        leads.c.reason,
        campaigns.c.state,
        select(suppressions.c.source)
        .where(suppressions.c.digest == bindparam("digest_"))
        .scalar_subquery()
        .label("source"),
        select(do_not_call.c.phone)
        .where(do_not_call.c.campaign == leads.c.campaign, do_not_call.c.phone == leads.c.phone)
        .exists()
        .label("is_listed"),
    )
    .join(campaigns, campaigns.c.name == leads.c.campaign)
    .where(leads.c.id == bindparam("lead_"))
)


async def late_denial(database: Database, attempt: Attempt) -> str:
    """Why an attempt that was committed must not go out after all: what was written down of the person since then.

    Args:
        attempt: One whose request has not gone out.

    Returns:
        In words without a number; empty where it may go out.

    Raises:
        LedgerError: The ledger cannot be read.
    """
    asked = {"digest_": digest(database.key, attempt.phone), "lead_": attempt.lead_id}
    async with database.read() as db:
        row = (await db.execute(_NOW, asked)).first()
    if row is None or row.phone != attempt.phone:
        return SAID_NO[SuppressionSource.FORGOTTEN]
    if row.source is not None:
        return SAID_NO.get(row.source, LEARNT)
    if row.is_listed:
        return ON_A_LIST
    if Wishes.from_json(row.wishes).consent.given is False:
        return OPTED_OUT
    if row.reason == Reason.NOT_IN_NEWEST_FILE:
        return "its row is not in the newest file"
    return f"the campaign is {row.state}" if row.state in CLOSED else ""


def e164_of(text: str) -> str:
    """A number as the ledger has it, however a server writes it; empty where it has no digits."""
    plain = digits(text)
    number = read_number(f"+{plain}")
    if isinstance(number, Refusal):  # of no country's plan; the ledger may have it all the same
        return plain and f"+{plain}"
    return number.e164


async def denied_numbers(database: Database, phones: Collection[str]) -> dict[str, str]:
    """Which of these numbers no one may call now.

    Args:
        database: The ledger; all of its campaigns count.
        phones: E.164. All spellings of a number are one.

    Returns:
        Why, in words without a number, for each that is denied: it is suppressed, its person opted out or was
        forgotten, or a call to it is open, of which it may not be known yet whether it was placed.
    """
    written = {phone: spellings(phone) for phone in phones}
    found: dict[str, str] = {}
    async with database.read() as db:
        for chunk in chunks(sorted(frozenset().union(*written.values()))):
            open_ = select(attempts.c.phone).where(attempts.c.phone.in_(chunk), IS_OPEN)
            found |= dict.fromkeys((await db.execute(open_)).scalars(), BEING_CALLED)
            found |= await _opted_out(db, chunk)
            suppressed = await suppressed_in(db, database, chunk)
            found |= {phone: SAID_NO.get(source, LEARNT) for phone, source in suppressed.items()}
    whys = {
        phone: next((found[one] for one in sorted(ways) if one in found), "")
        for phone, ways in written.items()
    }
    return {phone: why for phone, why in whys.items() if why}


async def _opted_out(db: AsyncConnection, phones: Collection[str]) -> dict[str, str]:
    """An opt-out in one campaign holds for all: which of two rows is the newer one is not known here."""
    listed = select(do_not_call.c.phone).where(do_not_call.c.phone.in_(phones))
    found = dict.fromkeys((await db.execute(listed)).scalars(), ON_A_LIST)
    asked = select(leads.c.phone, leads.c.wishes).where(leads.c.phone.in_(phones))
    for phone, wishes in (await db.execute(asked)).all():
        if Wishes.from_json(wishes).consent.given is False:
            found[phone] = OPTED_OUT
    return found
