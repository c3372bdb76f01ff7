"""Whether a campaign may be planned under a name: what the run would refuse, the plan refuses as well."""

from contextlib import suppress

from flireo_flows.ledger import Database, NoLedgerError
from flireo_flows.ledger.naming import refuse_shown_name


async def refuse_name(url: str, name: str) -> None:
    """Refuse a name under which a run would ring nobody. A ledger that does not exist is not made.

    Args:
        url: Of the ledger.
        name: The campaign's.

    Raises:
        DeclinedError: So an event shows another campaign. Says what to do.
        LedgerError: The ledger cannot be read.
    """
    if "*" not in name:  # no other name is shown masked
        return
    with suppress(NoLedgerError):
        async with await Database.open(url, existing=True) as database:
            await refuse_shown_name(database, name)
