"""Outbound and inbound calls: checks of the request, and the call that it places.

Source: contract sections 9.3, 16 (empty balance), 18.3 and 18.4 (assistant-request). The order of checks of an outbound
call is the emulator's: form (400), things named (404), things that cannot be used now (422), and last the balance
(402). That an inbound call to a number without an active agent rings until the caller gives up is its reading of
"calls are then not handled" and "inactive agents do not answer".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import uuid4

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from flireo_flows.api.agent_config import REALTIME_PROVIDERS
from flireo_flows.sandbox.agent_webhooks import ask_who_answers
from flireo_flows.sandbox.api_errors import ApiError, invalid, missing, not_found
from flireo_flows.sandbox.call_course import CallCourse, CallEnd, course_of, course_of_call
from flireo_flows.sandbox.call_simulator import announce, begin, end, let_ring
from flireo_flows.sandbox.delivery import Exchange
from flireo_flows.sandbox.local_platform import Platform
from flireo_flows.sandbox.request_forms import AgentForm, PhoneText, RequestForm, given, read_form
from flireo_flows.sandbox.settings import Phone, ReportFate, SandboxOutcome
from flireo_flows.sandbox.store import Record, SandboxCall

_SAVED: Final = ("agent_id", "assistant_id")
_INLINE: Final = ("agent_config", "assistant", "agent")


class _OrderForm(RequestForm):
    destination: PhoneText = ""
    agent_config: AgentForm | None = None
    assistant: AgentForm | None = None
    agent: AgentForm | None = None
    assistant_override: AgentForm | None = None
    first_message: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A request that may be placed.

    Attributes:
        other: The other party's number.
        agent: The configuration to run with, overrides applied.
        agent_id: None for an inline agent.
    """

    other: str
    number: Record
    agent: Mapping[str, Any]
    agent_id: str | None


def read_order(body: Record, platform: Platform) -> Order:
    """Judge a request.

    Raises:
        ApiError: It is not placed.
    """
    sent = {name: value for name, value in body.items() if value is not None}
    body = read_form(_OrderForm, sent, required=("destination",))
    agent_id: str | None = None
    saved, inline = given(body, *_SAVED), given(body, *_INLINE)
    if (saved is None) == (inline is None):
        raise _invalid_request("agent_id", "Send exactly one of agent_id and agent_config")
    if saved is not None:
        agent_id, agent = _saved_agent(*saved, body, platform)
    if inline is not None:
        if "assistant_override" in body:
            raise _invalid_request("assistant_override", "assistant_override needs assistant_id")
        agent = inline[1]
        _check_providers(agent, inline[0])
    number = _number(body.get("number_id"), platform)
    if platform.store.minutes_balance <= 0:
        balance = {"balance": platform.store.minutes_balance}
        raise ApiError(402, "insufficient_credits", "No credits left for an outbound call.", extra=balance)
    return Order(body["destination"], number, agent, agent_id)


def _invalid_request(param: str, message: str) -> ApiError:
    return ApiError(400, "invalid_request", message, param=param)


def place(order: Order, platform: Platform) -> SandboxCall:
    """Place the call: from here on a phone rings."""
    ordinal = platform.store.calls.next_call(order.other)
    course = course_of_call(order.other, ordinal, order.agent, platform.settings, platform.random)
    call = _new_call("outbound", order, ordinal, course, platform)
    begin(call, platform)
    return call


def _new_call(
    direction: str, order: Order, ordinal: int, course: CallCourse, platform: Platform
) -> SandboxCall:
    token = uuid4().hex  # not from the seed: see store.new_id
    style = f"_{order.other}_" if platform.settings.plus_in_call_ids else f"{direction}-"
    call = SandboxCall(
        id=f"call-{style}{token[:12]}",
        destination=order.other,
        number=order.number,
        agent=order.agent,
        agent_id=order.agent_id,
        course=course,
        ordinal=ordinal,
        created_ms=platform.clock.unix_ms(),
        room_name=f"{direction}-{token[12:20]}",
        direction=direction,
    )
    platform.store.calls.add(call)
    return call


def _check_providers(config: Record, name: str) -> None:
    llm_config = config.get("llm_config")
    if not isinstance(llm_config, dict) or not llm_config.get("provider"):
        raise missing(f"{name}.llm_config")
    realtime = llm_config["provider"] in REALTIME_PROVIDERS
    for part in ("stt_config", "tts_config"):
        present = config.get(part) is not None
        if realtime and present:
            raise invalid(f"{name}.{part}", f"must be left out for {llm_config['provider']}")
        if not realtime and not present:
            raise missing(f"{name}.{part}")


def _saved_agent(name: str, agent_id: Any, body: Record, platform: Platform) -> tuple[str, Record]:
    agent = platform.store.agents.get(agent_id) if isinstance(agent_id, str) else None
    if agent is None:
        raise not_found("Agent", name)
    if not agent["is_active"]:
        raise ApiError(422, "unprocessable", "The agent is not active", param=name)
    # Shallow, as documented: each key of the override replaces that whole block of the agent.
    agent = {**agent, **body.get("assistant_override", {})}
    if "first_message" in body:
        agent["first_message"] = body["first_message"]
    return str(agent["id"]), agent


def _number(number_id: Any, platform: Platform) -> Record:
    numbers = platform.store.numbers
    if number_id is None:
        usable = next((number for number in numbers.values() if number["is_active"]), None)
    else:
        usable = numbers.get(number_id) if isinstance(number_id, str) else None
        if usable is None:
            raise not_found("Number", "number_id")
    if usable is None or not usable["is_active"]:
        raise ApiError(422, "unprocessable", "No phone number is available to call from", param="number_id")
    return usable


_ANSWERED: Final = frozenset({SandboxOutcome.ANSWERED, SandboxOutcome.TRANSFERRED, SandboxOutcome.ERROR})
_NO_CREDITS: Final = CallEnd("rejected", "rejected", "insufficient credits", None)
_OVERRIDES: Final = ("assistant_override", "assistantOverride", "agent_override", "assistant", "agent")
_SAVED_KEYS: Final = ("assistant_id", "assistantId", "agent_id", "agentId")

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


def _possible(outcome: SandboxOutcome) -> SandboxOutcome:
    """Refuse outcomes that only outbound calls have."""
    if outcome not in {*_ANSWERED, SandboxOutcome.NO_ANSWER}:
        raise ValueError(f"a call that comes in is {', '.join(sorted(_ANSWERED))} or no_answer")
    return outcome


class InboundCall(BaseModel):
    """A person who calls one of the numbers."""

    model_config = ConfigDict(extra="forbid")

    caller: Phone = Field(alias="from", description="E.164.")
    number_id: str | None = Field(None, description="Number that is called; by default the first there is.")
    outcome: Annotated[SandboxOutcome, AfterValidator(_possible)] = Field(
        SandboxOutcome.ANSWERED,
        description="answered, transferred, error, or no_answer: the caller gives up.",
    )
    report: ReportFate | None = Field(None, description="Fate of the report; by default as scripted.")


def place_inbound(inbound_call: InboundCall, platform: Platform) -> SandboxCall:
    """Let a person call one of the numbers.

    Raises:
        ApiError: There is no such number.
    """
    number = _called_number(inbound_call.number_id, platform)
    agent = platform.store.agents.get(str(number.get("agent_id")))
    caller = inbound_call.caller
    order = Order(caller, number, agent or {}, agent["id"] if agent else None)
    # Counted apart from the outbound calls to this person: it must not move their scripts on.
    ordinal = platform.store.calls.next_call(f"from {caller}")
    course = course_of(SandboxOutcome.NO_ANSWER, caller, 1, {}, platform.settings, platform.random)
    call = _new_call("inbound", order, ordinal, course, platform)
    announce(call, platform)
    _connect(call, inbound_call, platform)
    return call


def _connect(call: SandboxCall, inbound_call: InboundCall, platform: Platform) -> None:
    """Refuse the call, let it ring unanswered, or let an agent answer it."""
    if platform.store.minutes_balance <= 0:
        return end(call, _NO_CREDITS, 0, platform)
    if not call.agent.get("is_active"):
        return let_ring(call, platform)

    def answered(exchange: Exchange) -> None:
        rejection = _configure(call, exchange, platform)
        if rejection is None:
            return _answer(call, inbound_call, platform)
        end(call, CallEnd("rejected", "rejected", rejection, None), 0, platform)

    if not ask_who_answers(call, platform, answered):
        _answer(call, inbound_call, platform)


def _answer(call: SandboxCall, inbound_call: InboundCall, platform: Platform) -> None:
    plan = course_of(
        inbound_call.outcome, call.destination, call.ordinal, call.agent, platform.settings, platform.random
    )
    call.course = plan if inbound_call.report is None else plan.reported(inbound_call.report)
    let_ring(call, platform)


def _configure(call: SandboxCall, exchange: Exchange, platform: Platform) -> str | None:
    """Give a call the agent that the answer asks for; the text to reject it with, if it does that."""
    reply = exchange.reply
    if reply is None or reply.body is None:
        exchange.outcome = f"the saved agent answers: {reply.problem if reply else 'no answer'}"
        return None
    if isinstance(reply.body.get("error"), str):
        exchange.outcome = "rejected"
        return str(reply.body["error"])
    try:
        call.agent, call.agent_id = _chosen(reply.body, call, platform)
    except ApiError as refusal:
        exchange.outcome = f"the saved agent answers: {refusal.message}"
    else:
        exchange.outcome = "configured as answered" if reply.body else "the saved agent answers, as asked"
    return None


def _chosen(answer: Record, call: SandboxCall, platform: Platform) -> tuple[Mapping[str, Any], str | None]:
    """The agent of an answer: a saved one, and what overrides it.

    Raises:
        ApiError: It names an agent that is not there, or a field has the wrong type.
    """
    agent, agent_id = call.agent, next((answer[name] for name in _SAVED_KEYS if answer.get(name)), None)
    if agent_id is not None:
        if not isinstance(agent_id, str) or agent_id not in platform.store.agents:
            raise not_found("Agent", "assistant_id")
        agent = platform.store.agents[agent_id]
    override: Any = (given(answer, *_OVERRIDES) or ("", {}))[1]
    if not isinstance(override, dict):
        raise ApiError(400, "invalid_field", "the override must be an object")
    top = {name: answer[name] for name in ("maxDurationSeconds", "max_duration_seconds") if name in answer}
    metadata = {"metadata": answer["metadata"]} if "metadata" in answer else {}
    asked = {_SNAKE.get(name, name): value for name, value in {**override, **top, **metadata}.items()}
    return {**agent, **read_form(AgentForm, asked)}, agent_id or call.agent_id


def _called_number(number_id: str | None, platform: Platform) -> Record:
    numbers = platform.store.numbers
    number = next(iter(numbers.values()), None) if number_id is None else numbers.get(number_id)
    if number is None:
        raise not_found("Number", "number_id")
    return number
