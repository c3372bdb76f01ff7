"""Calls are made by the hours of a clock, so one that is wrong holds calling back.

Three clocks are compared: the ledger's, by which everything is decided (PostgreSQL's own, or this machine's), Flireo's
(the `Date` header of its answers, RFC 9110 section 6.6.1), and this machine's. Which of two is wrong cannot be known
here, so calling waits, the clocks are read again, and a run whose clocks stay apart ends.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from flireo_flows.api import errors
from flireo_flows.api.calls import list_calls
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.calling.preflight import NotReadyError
from flireo_flows.ledger import Database

# A Date has whole seconds, and an answer may be slow; quarter hours matter to people.
MOST_SKEW_SECONDS: Final = 60.0
CHECK_SECONDS: Final = (2.0, 5.0, 10.0)  # before each further reading of the clocks


class ClockError(NotReadyError):
    """Two clocks are so far apart that it is not known whether people may be called now. Names both."""

    is_clock: Final = True


class ClockCorrectedError(ClockError):
    """The clock was wrong when the ledger was opened, and has been set since: open the ledger again and go on."""


@dataclass(frozen=True, slots=True)
class Skew:
    """Two clocks that should agree.

    Attributes:
        first: Name of one clock.
        second: Name of the other one.
        at: What the first one shows, Unix seconds.
        seconds: How far the second one is ahead of it; below 0 where it is behind.
    """

    first: str
    second: str
    at: float
    seconds: float

    @property
    def is_too_much(self) -> bool:
        """Whether calling has to wait."""
        return abs(self.seconds) > MOST_SKEW_SECONDS

    def __str__(self) -> str:
        apart = timedelta(seconds=round(abs(self.seconds)))
        return (
            f"{self.first} says {_shown(self.at)}, {self.second} says {_shown(self.at + self.seconds)} "
            f"({apart} apart)"
        )


@dataclass(slots=True)
class ClockGuard:
    """Compares the clocks of one run.

    Attributes:
        check_seconds: Before each further reading while the clocks disagree; after the last one the run ends.
        stopped_by: Why no one may be called in this run any more; None while the clocks agree or are read again.
    """

    client: AsyncFlireoClient
    database: Database
    check_seconds: tuple[float, ...] = CHECK_SECONDS
    stopped_by: Exception | None = None
    _server_skew: float | None = field(default=None, init=False)
    _checks: int = field(default=0, init=False)
    _check_at: float = field(default=0.0, init=False)

    @property
    def agree(self) -> bool:
        """Whether the clocks were read, and agree by the newest answer."""
        return self._is_known and self.skew is None and self.stopped_by is None

    @property
    def skew(self) -> Skew | None:
        """The first two clocks that are too far apart; None while there are none."""
        return next((skew for skew in self._skews() if skew.is_too_much), None)

    @property
    def held_by(self) -> str:
        """Why no one is called for now, in words; empty while the clocks agree, or were not read yet."""
        skew = self.skew
        return f"calling waits: {skew}" if skew is not None else ""

    @property
    def is_due(self) -> bool:
        """Whether to read the clocks now."""
        is_wrong = not self.agree and self.stopped_by is None
        return is_wrong and self.client.now() >= self._check_at

    async def check(self) -> None:
        """Read the clocks again, at the cost of a request unless an answer came already.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        self._server_skew = await self.database.server_skew()
        trouble: errors.FlireoError | None = None
        if not self.client.pacing.answered or self.skew is not None:
            try:
                await self.client.send(list_calls(limit=1))
            except errors.FlireoError as error:
                trouble = None if self.client.pacing.answered else error  # an error has a Date too
        if self.agree:
            self._checks = 0
            return
        if self._was_corrected:
            self.stopped_by = ClockCorrectedError(
                f"{self.skew}, but has been set since. Run the same command again."
            )
            return
        if self._checks < len(self.check_seconds):
            self._check_at = self.client.now() + self.check_seconds[self._checks]
            self._checks += 1
            return
        self.stopped_by = trouble or ClockError(
            f"{self.skew}. Whether people may be called now is not known, so no one is called. "
            "Set the clock that is wrong (with NTP it stays right), then run the same command again."
        )

    @property
    def _is_known(self) -> bool:
        return self._server_skew is not None and self.client.pacing.answered

    @property
    def _was_corrected(self) -> bool:
        """Whether a ledger that is opened now would have Flireo's time."""
        flireo = self.client.pacing.last_skew
        if flireo is None or self._server_skew is None or abs(self._server_skew) > MOST_SKEW_SECONDS:
            return False
        fresh = time.time() + self._server_skew
        return abs(self.client.now() + flireo - fresh) <= MOST_SKEW_SECONDS

    def _skews(self) -> list[Skew]:
        ledger = "this machine's clock" if self.database.is_sqlite else "the database's clock"
        machine = self.client.now()
        found = []
        if self._server_skew is not None and not self.database.is_sqlite:
            found.append(Skew("this machine's clock", ledger, machine, self._server_skew))
        if self.client.pacing.last_skew is not None:
            flireo = machine + self.client.pacing.last_skew
            at = self.database.now()
            found.append(Skew(ledger, "Flireo's clock", at, flireo - at))
        return found


def _shown(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S} UTC"
