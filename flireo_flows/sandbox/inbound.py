"""Calls that come in: somebody rings one of the organization's numbers.

Source: contract sections 16 (empty balance), 18.3 and 18.4 (assistant-request). That a number without an
agent, or with an inactive one, lets it ring until the caller gives up is the emulator's reading of "calls are
then not handled" and "inactive agents do not answer".
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from uuid import uuid4

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from flireo_flows.sandbox.call_course import Ending, plan_of
from flireo_flows.sandbox.exchanges import Exchange
from flireo_flows.sandbox.local_platform import World
from flireo_flows.sandbox.refusals import Refusal, not_found
from flireo_flows.sandbox.request_forms import AgentForm, read_form
from flireo_flows.sandbox.settings import Outcome, Phone, ReportFate
from flireo_flows.sandbox.store import Call, Record

_ANSWERED: Final = frozenset({Outcome.ANSWERED, Outcome.TRANSFERRED, Outcome.ERROR})
_NO_CREDITS: Final = Ending("rejected", "rejected", "insufficient credits", None)
_OVERRIDES: Final = ("assistant_override", "assistantOverride", "agent_override", "assistant", "agent")
_SAVED: Final = ("assistant_id", "assistantId", "agent_id", "agentId")

# What an answer may spell with humps; the other keys of an agent have none in either dialect.
_SNAKE: Final[Mapping[str, str]] = {
    "firstMessage": "first_message",
    "maxDurationSeconds": "max_duration_seconds",
    "analysisPlan": "analysis_plan",
    "voicemailMessage": "voicemail_message",
    "sttConfig": "stt_config",
    "llmConfig": "llm_config",
    "ttsConfig": "tts_config",
}


def _possible(outcome: Outcome) -> Outcome:
    """A machine, a busy phone and a broken line are what is met by those who ring out."""
    if outcome not in {*_ANSWERED, Outcome.NO_ANSWER}:
        raise ValueError(f"a call that comes in is {', '.join(sorted(_ANSWERED))} or no_answer")
    return outcome


class Ringing(BaseModel):
    """Somebody who rings in."""

    model_config = ConfigDict(extra="forbid")

    caller: Phone = Field(alias="from", description="E.164.")
    number_id: str | None = Field(None, description="Number that is rung; by default the first there is.")
    outcome: Annotated[Outcome, AfterValidator(_possible)] = Field(
        Outcome.ANSWERED, description="answered, transferred, error, or no_answer: the caller gives up."
    )
    report: ReportFate | None = Field(None, description="Fate of the report; by default as scripted.")


def ring_in(ringing: Ringing, world: World) -> Call:
    """Let somebody ring one of the numbers.

    Raises:
        Refusal: There is no such number.
    """
    number = _number(ringing.number_id, world)
    agent = world.store.agents.get(str(number.get("agent_id")))
    token = uuid4().hex
    style = f"_{ringing.caller}_" if world.settings.plus_in_call_ids else "inbound-"
    call = Call(
        id=f"call-{style}{token[:12]}",
        destination=ringing.caller,
        number=number,
        agent=agent or {},
        agent_id=agent["id"] if agent else None,
        # Counted apart from the calls that ring this person: it must not move their scripts on.
        plan=plan_of(Outcome.NO_ANSWER, ringing.caller, 1, {}, world.settings, world.dice),
        ring=world.store.calls.next_ring(f"from {ringing.caller}"),
        created_ms=world.clock.unix_ms(),
        room_name=f"inbound-{token[12:20]}",
        direction="inbound",
    )
    world.store.calls.add(call)
    world.life.announce(call)
    _connect(call, ringing, world)
    return call


def _connect(call: Call, ringing: Ringing, world: World) -> None:
    """Refuse the call, let it ring for nothing, or let an agent answer it."""
    if world.store.minutes_balance <= 0:
        return world.life.end(call, _NO_CREDITS, 0)
    if not call.agent.get("is_active"):
        return world.life.let_ring(call)

    def answered(exchange: Exchange) -> None:
        rejection = _configure(call, exchange, world)
        if rejection is None:
            return _let_ring(call, ringing, world)
        world.life.end(call, Ending("rejected", "rejected", rejection, None), 0)

    if not world.talking.ask_who_answers(call, answered):
        _let_ring(call, ringing, world)


def _let_ring(call: Call, ringing: Ringing, world: World) -> None:
    plan = plan_of(ringing.outcome, call.destination, call.ring, call.agent, world.settings, world.dice)
    call.plan = plan if ringing.report is None else plan.reported(ringing.report)
    world.life.let_ring(call)


def _configure(call: Call, exchange: Exchange, world: World) -> str | None:
    """Give a call the agent that the answer asks for; the text to reject it with, if it does that."""
    reply = exchange.reply
    if reply is None or reply.body is None:
        exchange.outcome = f"the saved agent answers: {reply.problem if reply else 'no answer'}"
        return None
    if isinstance(reply.body.get("error"), str):
        exchange.outcome = "rejected"
        return str(reply.body["error"])
    try:
        call.agent, call.agent_id = _chosen(reply.body, call, world)
    except Refusal as refusal:
        exchange.outcome = f"the saved agent answers: {refusal.message}"
    else:
        exchange.outcome = "configured as answered" if reply.body else "the saved agent answers, as asked"
    return None


def _chosen(answer: Record, call: Call, world: World) -> tuple[Mapping[str, Any], str | None]:
    """The agent of an answer: a saved one, and what overrides it.

    Raises:
        Refusal: It names an agent that is not there, or a field has the wrong type.
    """
    agent, agent_id = call.agent, next((answer[name] for name in _SAVED if answer.get(name)), None)
    if agent_id is not None:
        if not isinstance(agent_id, str) or agent_id not in world.store.agents:
            raise not_found("Agent", "assistant_id")
        agent = world.store.agents[agent_id]
    override: Any = next((answer[name] for name in _OVERRIDES if answer.get(name) is not None), {})
    if not isinstance(override, dict):
        raise Refusal(400, "invalid_field", "the override must be an object")
    top = {name: answer[name] for name in ("maxDurationSeconds", "max_duration_seconds") if name in answer}
    metadata = {"metadata": answer["metadata"]} if "metadata" in answer else {}
    asked = {_SNAKE.get(name, name): value for name, value in {**override, **top, **metadata}.items()}
    return {**agent, **read_form(AgentForm, asked)}, agent_id or call.agent_id


def _number(number_id: str | None, world: World) -> Record:
    numbers = world.store.numbers
    number = next(iter(numbers.values()), None) if number_id is None else numbers.get(number_id)
    if number is None:
        raise not_found("Number", "number_id")
    return number
