"""Wait for the end of one call, and for what its agent writes about it. No I/O: see `api.conversation`."""

from flireo_flows.api import errors
from flireo_flows.api.agents import get_agent
from flireo_flows.api.calls import Call, get_call
from flireo_flows.api.poll import PollResult, PollTiming, poll
from flireo_flows.api.procedure import Procedure, ask, pause
from flireo_flows.api.redaction import redact


class CallNotOver(TimeoutError):
    """The time is up, and the call is not known to be over. It goes on; wait again whenever you like.

    Attributes:
        call_id: Id of the call, with a phone number in it masked.
        status: The last that was read; empty if no poll was answered.
        waited_seconds: How long it was waited for.
        trouble: Why the last poll failed, redacted; empty if it did not.
    """

    def __init__(self, call_id: str, status: str, waited_seconds: float, trouble: str = "") -> None:
        self.call_id, self.status, self.trouble = redact(call_id), redact(status), trouble
        self.waited_seconds = waited_seconds
        # Unpickling (Prefect stores and sends exceptions) calls us with these.
        super().__init__(self.call_id, self.status, waited_seconds, trouble)

    def __str__(self) -> str:
        status = f"its status is {self.status}" if self.status else "no poll was answered"
        trouble = f" The last poll failed: {self.trouble}" if self.trouble else ""
        return f"call {self.call_id} is not over after {self.waited_seconds:g} s: {status}.{trouble}"


def until_over(call_id: str, patience: PollTiming, grace_seconds: float) -> Procedure[Call]:
    """Wait until a call is over, then a while for its summary and analysis if its agent writes any.

    Args:
        call_id: Id of the call.
        patience: How long to wait in all.
        grace_seconds: Of these, at most so many after the call's end.

    Raises:
        CallNotOver: The time is up.
        NotFound: There has been no such call for a minute.
        FlireoError: The key or the request was refused.
    """
    operation = get_call(call_id)
    began = yield from pause(0)
    watched = yield from poll(operation, lambda call: call.is_over, patience, _words)
    call = _over(call_id, patience, watched)
    now = yield from pause(0)
    left = min(grace_seconds, began + patience.seconds - now)
    if not _was_answered(call) or left <= 0:
        return call
    wants_analysis = yield from _expects_analysis(call)
    if _has_words(call, wants_analysis):
        return call
    first = min(patience.poll_seconds, left)
    yield from pause(first)
    rest = PollTiming(left - first, patience.poll_seconds, patience.jitter)
    try:
        later = yield from poll(operation, lambda call: _has_words(call, wants_analysis), rest, _words)
    except errors.FlireoError:
        return call  # it is over, whatever became of the polls since
    return later.last or call


def _over(call_id: str, patience: PollTiming, watched: PollResult[Call]) -> Call:
    if watched.last is not None and watched.is_so:
        return watched.last
    status = watched.last.status if watched.last else ""
    raise CallNotOver(call_id, status, patience.seconds, str(watched.trouble or ""))


def _was_answered(call: Call) -> bool:
    """A call that nobody answered has no summary."""
    return call.started_at is not None or bool(call.duration_seconds)


def _has_words(call: Call, wants_analysis: bool) -> bool:
    return call.summary is not None and (call.analysis_result is not None or not wants_analysis)


def _expects_analysis(call: Call) -> Procedure[bool]:
    """Whether an analysis may still come. What cannot be read of the agent may be there."""
    if call.analysis_result is not None:
        return False
    if not call.agent_id:
        return True  # an agent of this call alone: what it writes is not known
    try:
        plan = (yield from ask(get_agent(call.agent_id))).analysis_plan
    except errors.FlireoError:
        return True
    if plan is None or not plan.is_on:
        return False
    return call.messages is None or len(call.messages) >= plan.min_messages_threshold


def _words(call: Call) -> str:
    """A call in some words for the log, without its number."""
    written = [
        name
        for name, value in (("summary", call.summary), ("analysis", call.analysis_result))
        if value is not None
    ]
    return f"call {redact(call.status)}{', with ' + ' and '.join(written) if written else ''}"
