"""Learn how calls of other campaigns ended that hold this campaign's leads back, where no run of theirs collects.

A sweep of the other campaigns does it, as `flireo-flows collect` would: it applies each campaign's own rules, reads no
calls of another account, and leaves a campaign alone where a runner of it is alive.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from flireo_flows.api.client import Account
from flireo_flows.calling.sweep import Sweep
from flireo_flows.ledger import Database
from flireo_flows.ledger.blockers import ask_again, blocking_campaigns

FIRST_PAUSE_SECONDS: Final = 10.0  # between two readings; then half as long again each time
LONGEST_PAUSE_SECONDS: Final = 60.0
GROWTH: Final = 1.5


@dataclass(slots=True)
class Blockers:
    """What holds leads of one file back, for one run.

    Attributes:
        database: The ledger.
        account: Where the calls are read.
        campaign: The run's own.
        batch: The file.
        reads: How often it was read how the other calls ended.
    """

    database: Database
    account: Account
    campaign: str
    batch: str
    reads: int = 0
    _reading: "asyncio.Task[None] | None" = field(default=None, init=False)
    _pause: float = field(default=FIRST_PAUSE_SECONDS, init=False)
    _next_at: float = field(default=0.0, init=False)

    def look(self, blocked: int, now: float) -> None:
        """Begin to read, if leads are held back and it is time.

        Args:
            blocked: Leads that are held back.
            now: The ledger's clock, Unix seconds.
        """
        if self._reading is not None and self._reading.done():
            task, self._reading = self._reading, None
            task.result()  # raises what the ledger did
            self._next_at, self._pause = now + self._pause, min(self._pause * GROWTH, LONGEST_PAUSE_SECONDS)
        if blocked and self._reading is None and now >= self._next_at:
            self._reading = asyncio.create_task(self._read())

    def is_trying(self, blocked: int) -> bool:
        """Whether it may still turn out, at once, that a call has ended that holds leads back."""
        return self._reading is not None or (bool(blocked) and not self.reads)

    async def close(self) -> None:
        """Stop reading; what was not read is not decided."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        if names := await blocking_campaigns(self.database, self.campaign, self.batch):
            await Sweep(self.database, self.account, only=names).run()
        await ask_again(self.database, self.campaign, self.batch)
        self.reads += 1
