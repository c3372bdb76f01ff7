"""Campaigns' names for the world outside: shown without a phone number, and found again by what was shown."""

from typing import Final

from flireo_flows.api.identity import name_key
from flireo_flows.api.redaction import redact
from flireo_flows.ledger.campaigns import DeclinedError, known_campaigns, require_campaign
from flireo_flows.ledger.database import Database
from flireo_flows.ledger.suppressions import digest

DIGITS: Final = 8  # of the digest that tells two masked names apart


def shown_name(name: str, key: bytes) -> str:
    """A campaign's name for the world outside: one that holds a phone number is masked, and told apart by a digest.

    Args:
        name: The campaign's, as it is shown.
        key: The ledger's own (`Database.key`).
    """
    shown = redact(name)
    return name if shown == name else f"{shown} {digest(key, name_key(name))[:DIGITS]}"


async def find_campaign(database: Database, given: str) -> str:
    """The name of a campaign, given in any spelling or as an event shows it (`shown_name`).

    Args:
        database: The ledger.
        given: For example `campaign` of an event's payload.

    Returns:
        Its first spelling.

    Raises:
        DeclinedError: There is no such campaign.
    """
    if (meant := await _shown_as(database, given)) is not None:
        return meant
    async with database.read() as db:
        return await require_campaign(db, given, database.where)


async def refuse_shown_name(database: Database, given: str) -> None:
    """Refuse to call under a masked name: it would be another campaign, which calls the same people once more.

    Raises:
        DeclinedError: So an event shows a campaign. Says what to do.
    """
    if await _shown_as(database, given) is not None:
        raise DeclinedError(
            f"{given!r} is how events show a campaign whose name holds a phone number: give it by its own name."
        )


async def _shown_as(database: Database, given: str) -> str | None:
    """The campaign that is shown so."""
    if "*" not in (wanted := name_key(given)):
        return None
    async with database.read() as db:
        names = (await db.execute(known_campaigns())).scalars()
        shown = ((name, name_key(shown_name(name, database.key))) for name in names)
        return next((name for name, as_shown in shown if name_key(name) != wanted == as_shown), None)
