"""Whether a campaign may be planned under a name: what the run would refuse, the plan refuses as well."""

from flireo_flows.calling.ledger import Database
from flireo_flows.calling.ledger.naming import refuse_shown_name
from flireo_flows.calling.past import is_there


async def refuse_name(url: str, name: str) -> None:
    """Refuse a name under which a run would ring nobody. A SQLite ledger that does not exist is not made.

    Args:
        url: Of the ledger.
        name: The campaign's.

    Raises:
        Declined: So an event shows another campaign. Says what to do.
        LedgerError: The ledger cannot be read.
    """
    if "*" in name and is_there(url):  # no other name is shown masked
        async with await Database.open(url) as database:
            await refuse_shown_name(database, name)
