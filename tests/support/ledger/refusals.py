"""How a ledger that cannot be opened is refused."""

import pytest

from flireo_flows.ledger import Database, LedgerError

SECRET = "s3cret-of-the-ledger"


async def refusal(url: str) -> LedgerError:
    """What is said of a ledger that cannot be opened."""
    with pytest.raises(LedgerError) as refused:
        await Database.open(url)
    assert SECRET not in f"{refused.value} {refused.value!r}"
    return refused.value
