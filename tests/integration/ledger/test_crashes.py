"""PostgreSQL crashes right after a commit: what was committed is there, whatever the server's defaults are."""

from collections.abc import Iterator

import asyncpg
import pytest

from flireo_flows.ledger import Answer, Database
from flireo_flows.ledger.suppressions import Suppressions
from flireo_flows.lifecycle.states import AttemptEvent
from tests.support.calling.campaign import Campaign, people
from tests.support.postgres import Postgres, run_postgres

pytestmark = [pytest.mark.postgres, pytest.mark.slow]
WRITERS = "SELECT pid FROM pg_stat_activity WHERE backend_type IN ('walwriter', 'background writer', 'checkpointer')"


@pytest.fixture
def hasty() -> Iterator[Postgres]:
    """A server that waits for the disk, except where a commit does: it says done before anything is written."""
    with run_postgres(is_careful=True) as running:
        running.sql("ALTER SYSTEM SET synchronous_commit = off")
        running.sql("ALTER ROLE ALL SET synchronous_commit = off")
        running.sql("SELECT pg_reload_conf()")
        running.new_ledger()  # the first one makes what the others are copied from, which no event loop allows
        yield running


async def test_what_was_committed_outlives_a_crash_of_a_server_that_commits_in_haste(hasty: Postgres) -> None:
    url = hasty.new_ledger()
    hasty.sql("CREATE TABLE others (id int)")
    hasty.sql(f"ALTER DATABASE {url.partition('?')[0].rpartition('/')[2]} SET synchronous_commit = off")
    other = await asyncpg.connect(hasty.url("postgres"))
    everybody = people(12)
    async with await Database.open(url) as database:
        campaign = Campaign(database)
        await campaign.take_in(*everybody)
        book = await campaign.runner()
        hasty.hold_writers([row["pid"] for row in await other.fetch(WRITERS)])
        # Three transactions of different kinds; then one of others, which the server does not wait for.
        sending = await campaign.begin(book, most=3)
        placed, unknown, _ = sending
        await campaign.record(
            book,
            Answer(placed, AttemptEvent.ACCEPTED, call_id="call-1"),
            Answer(unknown, AttemptEvent.LOST, detail="no answer"),
        )
        await Suppressions(database).suppress([everybody[11].phone], "asked")
        await other.execute("INSERT INTO others VALUES (1)")
        hasty.crash()
    async with await Database.open(url) as database:
        campaign = Campaign(database, batch=campaign.batch)
        states = [row.state for row in await campaign.attempts()]
        assert sorted(states) == ["placed", "sending", "unknown"]
        begun = await campaign.begin(await campaign.runner())
        called = {attempt.phone for attempt in begun} | {attempt.phone for attempt in sending}
        assert len(begun) == 8 and len(called) == 11 and everybody[11].phone not in called
    assert hasty.sql("SELECT count(*) FROM others").split()[2] == "0", (
        "the crash lost nothing, so it proves nothing"
    )
