"""The one POST of an attempt. Step 2 of 5 of the protocol by which no one is called twice (docs/never-twice.md).

The ledger has committed the attempt before it comes here (step 1, `ledger/intents.py`). No layer repeats its request: a
repeated POST would be a second call. How it ended is judged in `post_ending.py` (step 3).
"""

import asyncio
import math
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, assert_never

from pydantic import ValidationError

from flireo_flows.api import errors
from flireo_flows.api.calls import Placed, create_outbound_call
from flireo_flows.api.client import AsyncFlireoClient
from flireo_flows.api.operation import Operation
from flireo_flows.api.redaction import redact
from flireo_flows.calling.post_ending import EVENTS, PostEnding, ending_of, in_words
from flireo_flows.ledger import Answer, Attempt, Database
from flireo_flows.ledger.eligibility import late_denial
from flireo_flows.ledger.intents import FRESH_SECONDS
from flireo_flows.lifecycle.states import AttemptEvent, LeadState, Reason
from flireo_flows.script import ComposeError, Composer

CONNECTIONS: Final = 16  # at 100 requests a minute two would do; a fast server is never left idle
RESERVE_SECONDS: Final = 0.25
GOODBYE_SECONDS: Final = 10.0  # for requests under way when a run is stopped
MOST_REFUSALS: Final = 5  # in a row, from different leads: then it is not the leads
MOST_UNREACHED: Final = 5  # in a row
STILL_SECONDS: Final = 0.5  # what was decided longer ago is asked about once more right before it goes out
STOPPING: Final = (
    errors.AuthenticationFailed,
    errors.InsufficientCredits,
    errors.PermissionDenied,
    errors.NotFound,
)


@dataclass(slots=True)
class Dialer:
    """Sends the requests of one runner, several at a time. Attempts given to it are committed already.

    Attributes:
        composer: Makes the request of an attempt.
        owns_until: Until when what this runner began is its own, Unix seconds of the ledger's clock; a
            request does not go out later.
        stopped_by: Why no more calls may be made; None while they may.
        held_by: Why nothing new is sent for now; empty while it is.
        is_closing: Whether the run is ending, so that nothing new is sent.
        placed: Calls placed so far.
        news: Set when an answer came.
        tasks: The senders, once they were started.
    """

    client: AsyncFlireoClient
    database: Database
    composer: Composer
    owns_until: float = math.inf
    stopped_by: Exception | None = None
    held_by: str = ""
    is_closing: bool = False
    placed: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    tasks: "list[asyncio.Task[None]]" = field(default_factory=list, init=False)
    _queue: "asyncio.Queue[Attempt]" = field(default_factory=asyncio.Queue, init=False)
    _answers: list[Answer] = field(default_factory=list, init=False)
    _sending: int = field(default=0, init=False)
    _seconds: float = field(default=RESERVE_SECONDS, init=False)  # that a request takes, a moving average
    _refusals: int = field(default=0, init=False)
    _unreached: int = field(default=0, init=False)
    _hold_until: float = field(default=0.0, init=False)

    def start(self) -> None:
        """Start the senders: each takes an attempt, sends its one request, and lays down the answer."""
        self.tasks = [asyncio.create_task(self._send_each()) for _ in range(CONNECTIONS)]

    @property
    def is_busy(self) -> bool:
        """Whether a request is under way or an answer not yet taken."""
        return bool(self._sending or self._queue.qsize() or self._answers)

    @property
    def room(self) -> int:
        """How many attempts may be given: one under way for each connection, and the reserve."""
        return CONNECTIONS + self.reserve - self._sending - self._queue.qsize()

    @property
    def reserve(self) -> int:
        """Attempts to have ready: about as many as the connections take up in a quarter of a second."""
        return min(16 * CONNECTIONS, max(CONNECTIONS, int(CONNECTIONS * RESERVE_SECONDS / self._seconds)))

    @property
    def unsent(self) -> int:
        """Attempts that were given and whose request has not gone out."""
        on_the_way = min(self._sending, self.client.pacing.in_flight)
        return self._queue.qsize() + self._sending - on_the_way

    def give(self, attempts: list[Attempt]) -> None:
        """Have the requests of attempts sent."""
        for attempt in attempts:
            self._queue.put_nowait(attempt)

    def take(self) -> list[Answer]:
        """The answers since the last time."""
        answers, self._answers = self._answers, []
        return answers

    def give_back_answers(self, answers: list[Answer]) -> None:
        """They were taken, and perhaps not written: the next to take has them again."""
        self._answers = answers + self._answers

    async def wait(self, seconds: float) -> None:
        """Until an answer came, but no longer than `seconds`."""
        if not self._answers:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.news.wait(), seconds)
        self.news.clear()

    def hold(self, why: str) -> None:
        """Give back what was not sent yet, and send nothing while there is a reason; an empty one lets go."""
        self.held_by = why
        if why:
            self._give_back(why)

    async def stop(self) -> list[Answer]:
        """Send nothing new, let requests under way be answered. Returns the answers."""
        self.is_closing = True
        self._give_back(self.silent_for)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._queue.join(), GOODBYE_SECONDS)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        return self.take()

    async def _send_each(self) -> None:
        while True:
            attempt = await self._queue.get()
            self._sending += 1
            began = time.monotonic()
            # What stands if this task is cancelled in the middle: the request may have arrived.
            answer = Answer(attempt, AttemptEvent.LOST, reason=Reason.RUN_STOPPED)
            try:
                answer = await self.dial(attempt)
            finally:
                self._answers.append(answer)  # not before: `take` may have put another list there
                self._seconds = 0.9 * self._seconds + 0.1 * (time.monotonic() - began)
                self._sending -= 1
                self._queue.task_done()
                self.news.set()

    def _give_back(self, why: str) -> None:
        while not self._queue.empty():
            self._answers.append(self.given_back(self._queue.get_nowait(), why))
            self._queue.task_done()

    async def dial(self, attempt: Attempt) -> Answer:
        """Send the one request of an attempt that is already committed.

        Returns:
            What came of it. Never raises for anything that Flireo or the network did.
        """
        if self.silent_for:
            return self.given_back(attempt, self.silent_for)
        try:
            request = create_outbound_call(
                self.composer.compose(attempt.facts, attempt.choice, attempt.reference)
            )
        except ComposeError as error:
            return _for_review(attempt, Reason.NOT_SENT, str(error))
        except (ValidationError, errors.InvalidInput) as error:
            return _for_review(attempt, Reason.NOT_SENT, _invalid(error))
        try:
            placed = await self._send(attempt, request)
        except _WithheldError as kept:
            return self.given_back(attempt, str(kept))
        except errors.FlireoError as error:
            return self._judge(attempt, error)
        self._refusals = self._unreached = 0
        self.placed += 1
        return Answer(attempt, EVENTS[ending_of(None)], call_id=placed.call_id)

    @property
    def silent_for(self) -> str:
        """Why nothing is sent now; empty while it is."""
        if self.stopped_by is not None or self.is_closing:
            return "the run stopped"
        return self.held_by

    def given_back(self, attempt: Attempt, why: str) -> Answer:
        """What becomes of an attempt whose request did not go out: the lead waits again."""
        return self._waits(attempt, Reason.NOT_SENT, why)

    def holds(self, now: float) -> float:
        """Seconds to hold back after the API was not reached; 0 when calls may be made."""
        return max(0.0, self._hold_until - now)

    async def _send(self, attempt: Attempt, request: Operation[Placed]) -> Placed:
        kept_back = ""

        async def is_kept_back() -> bool:
            """It may have waited for the rate limit while a person opted out or paused the campaign."""
            nonlocal kept_back
            kept_back = self.silent_for or await self._said_no(attempt)
            return bool(kept_back)

        # Later than this the decision is stale, or another runner may have taken the attempt for lost: its call would
        # be looked for in the list before it was placed.
        latest = min(attempt.began_at + FRESH_SECONDS, self.owns_until) - self.database.now()
        try:
            # The client counts in this machine's time, the ledger perhaps in its server's.
            before = self.client.now() + latest
            return await self.client.send(request, before=before, unless=is_kept_back)
        except errors.FlireoError as error:
            if kept_back:
                raise _WithheldError(kept_back) from error
            raise
        except Exception as error:
            # It was not foreseen: how far the request came is unknown, and so is whether the next one fares better.
            text = f"unforeseen: {type(error).__name__}"
            unknown = errors.OutcomeUnknown(request.name, request.route, text=text)
            self.stopped_by = self.stopped_by or unknown
            raise unknown from None

    async def _said_no(self, attempt: Attempt) -> str:
        """Why it must not go out after all, where it was decided a while ago; empty where it may."""
        if self.database.now() - attempt.began_at < STILL_SECONDS:
            return ""
        try:
            return await late_denial(self.database, attempt)
        except Exception:  # nothing went out yet, and writing the answer raises what is wrong
            return "the ledger could not be asked once more"

    def _judge(self, attempt: Attempt, error: errors.FlireoError) -> Answer:
        """Every way the request can end without a call id."""
        ending = ending_of(error)
        match ending:
            case PostEnding.UNKNOWN | PostEnding.PLACED:
                event, why = EVENTS[PostEnding.UNKNOWN], Reason.REQUEST_FAILED
                return Answer(attempt, event, reason=why, detail=in_words(error), status=error.status)
            case PostEnding.LIMITED:
                return self._failed(attempt, error, error.retry_after or 1.0)
            case PostEnding.NOT_SENT:
                return self._not_sent(attempt, error)
            case PostEnding.REFUSED:
                return self._refused(attempt, error)
            case _:
                assert_never(ending)

    def _not_sent(self, attempt: Attempt, error: errors.FlireoError) -> Answer:
        if isinstance(error, errors.InvalidInput):
            return _for_review(attempt, Reason.NOT_SENT, _invalid(error))
        if isinstance(error, errors.TooLate):
            if self.silent_for:
                return self.given_back(attempt, self.silent_for)
            return self._failed(attempt, error)
        now = self.database.now()
        if now >= self._hold_until:  # what failed together counts once
            self._unreached += 1
            self._hold_until = now + min(30.0, 0.5 * 2.0**self._unreached)
        wait = self._hold_until - now
        if self._unreached >= MOST_UNREACHED:
            self.stopped_by = self.stopped_by or error
        return self._failed(attempt, error, wait)

    def _refused(self, attempt: Attempt, error: errors.FlireoError) -> Answer:
        """A refusal concerns the account, or this lead alone; unless it happens to all leads."""
        if isinstance(error, STOPPING) and not _is_own_wish(attempt, error):
            self.stopped_by = self.stopped_by or error
            return self._failed(attempt, error)
        self._refusals += 1
        if self._refusals >= MOST_REFUSALS:
            self.stopped_by = self.stopped_by or error
        return _for_review(attempt, Reason.REQUEST_FAILED, in_words(error), error.status)

    def _failed(self, attempt: Attempt, error: errors.FlireoError, wait: float = 0.0) -> Answer:
        return self._waits(attempt, Reason.REQUEST_FAILED, in_words(error), error.status, wait)

    def _waits(
        self, attempt: Attempt, reason: Reason, detail: str, status: int | None = None, wait: float = 0.0
    ) -> Answer:
        not_before = self.database.now() + wait
        return Answer(
            attempt, AttemptEvent.REFUSED, reason=reason, detail=detail, status=status, not_before=not_before
        )


class _WithheldError(Exception):
    """A request that did not go out, for a reason that came up at the last moment."""


def _for_review(attempt: Attempt, reason: Reason, detail: str, status: int | None = None) -> Answer:
    return Answer(
        attempt, AttemptEvent.REFUSED, reason=reason, detail=detail, status=status, lead=LeadState.REVIEW
    )


def _is_own_wish(attempt: Attempt, error: errors.FlireoError) -> bool:
    """Whether the lead's own row chose the agent or number that Flireo does not know or does not let us use."""
    if not isinstance(error, errors.NotFound | errors.PermissionDenied):
        return False
    wishes, choice = attempt.facts.wishes, attempt.choice
    by_agent = bool(wishes.agent_id) and wishes.agent_id == choice.agent_id
    return by_agent or (bool(wishes.number_id) and wishes.number_id == choice.number_id)


def _invalid(error: ValidationError | errors.InvalidInput) -> str:
    """What is wrong with a request that was never made, without what was given: it may be a number."""
    if isinstance(error, errors.InvalidInput):
        return error.text
    problems = (
        f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
        for problem in error.errors(include_input=False, include_context=False, include_url=False)
    )
    return redact("; ".join(problems))
