"""Outbound and inbound calls: checks of the request, and the call that it places.

Source: contract sections 9.3, 16 (empty balance), 18.3 and 18.4 (assistant-request). The order of checks of an outbound
call is the emulator's: form (400), things named (404), things that cannot be used now (422), and last the balance
(402). That an inbound call to a number without an active agent rings until the caller gives up is its reading of
"calls are then not handled" and "inactive agents do not answer".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import uuid4

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from flireo_flows.sandbox.agent_webhooks import Exchange
from flireo_flows.sandbox.api_errors import ApiError, invalid, missing, not_found
from flireo_flows.sandbox.call_course import CallEnd, course_of, course_of_call
from flireo_flows.sandbox.local_platform import Platform
from flireo_flows.sandbox.request_forms import AgentForm, read_form
from flireo_flows.sandbox.settings import E164, Phone, ReportFate, SandboxOutcome
from flireo_flows.sandbox.store import Record, SandboxCall

_SAVED: Final = ("agent_id", "assistant_id")
_INLINE: Final = ("agent_config", "assistant", "agent")
_REALTIME: Final = frozenset({"xai_realtime", "google_realtime", "openai_live"})
_E164: Final = re.compile(E164)


@dataclass(frozen=True, slots=True)
class Order:
    """A request that may be placed.

    Attributes:
        agent: The configuration to run with, overrides applied.
        agent_id: None for an inline agent.
    """

    destination: str
    number: Record
    agent: Mapping[str, Any]
    agent_id: str | None


def read_order(body: Record, platform: Platform) -> Order:
    """Judge a request.

    Raises:
        ApiError: It is not placed.
    """
    destination = phone_number(body, "destination")
    saved, inline = _given(body, _SAVED), _given(body, _INLINE)
    if (saved is None) == (inline is None):
        raise ApiError(
            400, "invalid_request", "Send exactly one of agent_id and agent_config", param="agent_id"
        )
    if inline is not None:
        agent_id, agent = None, _inline_agent(inline, body)
    else:
        agent_id, agent = _saved_agent(saved, body, platform)
    number = _number(body.get("number_id"), platform)
    if platform.store.minutes_balance <= 0:
        balance = {"balance": platform.store.minutes_balance}
        raise ApiError(402, "insufficient_credits", "No credits left for an outbound call.", extra=balance)
    return Order(destination, number, agent, agent_id)


def place(order: Order, platform: Platform) -> SandboxCall:
    """Place the call: from here on a phone rings."""
    ordinal = platform.store.calls.next_call(order.destination)
    token = uuid4().hex  # not from the seed: see store.new_id
    style = f"_{order.destination}_" if platform.settings.plus_in_call_ids else "outbound-"
    call = SandboxCall(
        id=f"call-{style}{token[:12]}",
        destination=order.destination,
        number=order.number,
        agent=order.agent,
        agent_id=order.agent_id,
        course=course_of_call(order.destination, ordinal, order.agent, platform.settings, platform.random),
        ordinal=ordinal,
        created_ms=platform.clock.unix_ms(),
        room_name=f"outbound-{token[12:20]}",
    )
    platform.store.calls.add(call)
    platform.simulator.begin(call)
    return call


def phone_number(body: Record, field: str) -> str:
    """A required number in E.164.

    Raises:
        ApiError: It is absent, or not E.164.
    """
    value = body.get(field)
    if value is None:
        raise missing(field)
    if not isinstance(value, str) or not _E164.fullmatch(value):
        raise ApiError(400, "invalid_phone_number", f"{field} must be in E.164 format", param=field)
    return value


def _given(body: Record, names: tuple[str, ...]) -> tuple[str, Any] | None:
    """The name and value of the one field that was sent, under whichever of its names."""
    return next(((name, body[name]) for name in names if body.get(name) is not None), None)


def _inline_agent(inline: tuple[str, Any], body: Record) -> Record:
    name, config = inline
    if not isinstance(config, dict):
        raise invalid(name, "must be an object")
    if body.get("assistant_override") is not None:
        raise ApiError(
            400, "invalid_request", "assistant_override needs assistant_id", param="assistant_override"
        )
    read_form(AgentForm, config, under=name)
    _check_providers(config, name)
    return config


def _check_providers(config: Record, name: str) -> None:
    llm_config = config.get("llm_config")
    if not isinstance(llm_config, dict) or not llm_config.get("provider"):
        raise missing(f"{name}.llm_config")
    realtime = llm_config["provider"] in _REALTIME
    for part in ("stt_config", "tts_config"):
        present = config.get(part) is not None
        if realtime and present:
            raise invalid(f"{name}.{part}", f"must be left out for {llm_config['provider']}")
        if not realtime and not present:
            raise missing(f"{name}.{part}")


def _saved_agent(saved: tuple[str, Any] | None, body: Record, platform: Platform) -> tuple[str, Record]:
    name, agent_id = saved or _SAVED
    agent = platform.store.agents.get(agent_id) if isinstance(agent_id, str) else None
    if agent is None:
        raise not_found("Agent", name)
    if not agent["is_active"]:
        raise ApiError(422, "unprocessable", "The agent is not active", param=name)
    override = body.get("assistant_override")
    if override is not None and not isinstance(override, dict):
        raise invalid("assistant_override", "must be an object")
    # Shallow, as documented: each key of the override replaces that whole block of the agent.
    agent = {**agent, **(read_form(AgentForm, override, under="assistant_override") if override else {})}
    greeting = body.get("first_message")
    if greeting is not None and not isinstance(greeting, str):
        raise invalid("first_message", "must be text")
    agent.update({"first_message": greeting} if greeting is not None else {})
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
    token = uuid4().hex
    style = f"_{inbound_call.caller}_" if platform.settings.plus_in_call_ids else "inbound-"
    call = SandboxCall(
        id=f"call-{style}{token[:12]}",
        destination=inbound_call.caller,
        number=number,
        agent=agent or {},
        agent_id=agent["id"] if agent else None,
        # Counted apart from the outbound calls to this person: it must not move their scripts on.
        course=course_of(
            SandboxOutcome.NO_ANSWER, inbound_call.caller, 1, {}, platform.settings, platform.random
        ),
        ordinal=platform.store.calls.next_call(f"from {inbound_call.caller}"),
        created_ms=platform.clock.unix_ms(),
        room_name=f"inbound-{token[12:20]}",
        direction="inbound",
    )
    platform.store.calls.add(call)
    platform.simulator.announce(call)
    _connect(call, inbound_call, platform)
    return call


def _connect(call: SandboxCall, inbound_call: InboundCall, platform: Platform) -> None:
    """Refuse the call, let it ring unanswered, or let an agent answer it."""
    if platform.store.minutes_balance <= 0:
        return platform.simulator.end(call, _NO_CREDITS, 0)
    if not call.agent.get("is_active"):
        return platform.simulator.let_ring(call)

    def answered(exchange: Exchange) -> None:
        rejection = _configure(call, exchange, platform)
        if rejection is None:
            return _let_ring(call, inbound_call, platform)
        platform.simulator.end(call, CallEnd("rejected", "rejected", rejection, None), 0)

    if not platform.agent_webhooks.ask_who_answers(call, answered):
        _let_ring(call, inbound_call, platform)


def _let_ring(call: SandboxCall, inbound_call: InboundCall, platform: Platform) -> None:
    plan = course_of(
        inbound_call.outcome, call.destination, call.ordinal, call.agent, platform.settings, platform.random
    )
    call.course = plan if inbound_call.report is None else plan.reported(inbound_call.report)
    platform.simulator.let_ring(call)


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
    override: Any = next((answer[name] for name in _OVERRIDES if answer.get(name) is not None), {})
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
