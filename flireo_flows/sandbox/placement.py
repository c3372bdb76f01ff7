"""`POST /calls/outbound`: is the request one that the platform takes, and the call that it places.

Source: contract section 9.3. The order of checks is the emulator's: form (400), things named (404), things
that cannot be used now (422), and last the balance (402).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from flireo_flows.sandbox.call_course import plan_call
from flireo_flows.sandbox.local_platform import World
from flireo_flows.sandbox.refusals import Refusal, invalid, missing, not_found
from flireo_flows.sandbox.request_forms import AgentForm, read_form
from flireo_flows.sandbox.settings import E164
from flireo_flows.sandbox.store import Call, Record

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


def read_order(body: Record, world: World) -> Order:
    """Judge a request.

    Raises:
        Refusal: It is not placed.
    """
    destination = phone_number(body, "destination")
    saved, inline = _given(body, _SAVED), _given(body, _INLINE)
    if (saved is None) == (inline is None):
        raise Refusal(
            400, "invalid_request", "Send exactly one of agent_id and agent_config", param="agent_id"
        )
    if inline is not None:
        agent_id, agent = None, _inline_agent(inline, body)
    else:
        agent_id, agent = _saved_agent(saved, body, world)
    number = _number(body.get("number_id"), world)
    if world.store.minutes_balance <= 0:
        balance = {"balance": world.store.minutes_balance}
        raise Refusal(402, "insufficient_credits", "No credits left for an outbound call.", extra=balance)
    return Order(destination, number, agent, agent_id)


def place(order: Order, world: World) -> Call:
    """Place the call: from here on a phone rings."""
    ring = world.store.calls.next_ring(order.destination)
    token = uuid4().hex  # not from the seed: see store.new_id
    style = f"_{order.destination}_" if world.settings.plus_in_call_ids else "outbound-"
    call = Call(
        id=f"call-{style}{token[:12]}",
        destination=order.destination,
        number=order.number,
        agent=order.agent,
        agent_id=order.agent_id,
        plan=plan_call(order.destination, ring, order.agent, world.settings, world.dice),
        ring=ring,
        created_ms=world.clock.unix_ms(),
        room_name=f"outbound-{token[12:20]}",
    )
    world.store.calls.add(call)
    world.life.begin(call)
    return call


def phone_number(body: Record, field: str) -> str:
    """A required number in E.164.

    Raises:
        Refusal: It is absent, or not E.164.
    """
    value = body.get(field)
    if value is None:
        raise missing(field)
    if not isinstance(value, str) or not _E164.fullmatch(value):
        raise Refusal(400, "invalid_phone_number", f"{field} must be in E.164 format", param=field)
    return value


def _given(body: Record, names: tuple[str, ...]) -> tuple[str, Any] | None:
    """The name and value of the one field that was sent, under whichever of its names."""
    return next(((name, body[name]) for name in names if body.get(name) is not None), None)


def _inline_agent(inline: tuple[str, Any], body: Record) -> Record:
    name, config = inline
    if not isinstance(config, dict):
        raise invalid(name, "must be an object")
    if body.get("assistant_override") is not None:
        raise Refusal(
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


def _saved_agent(saved: tuple[str, Any] | None, body: Record, world: World) -> tuple[str, Record]:
    name, agent_id = saved or _SAVED
    agent = world.store.agents.get(agent_id) if isinstance(agent_id, str) else None
    if agent is None:
        raise not_found("Agent", name)
    if not agent["is_active"]:
        raise Refusal(422, "unprocessable", "The agent is not active", param=name)
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


def _number(number_id: Any, world: World) -> Record:
    numbers = world.store.numbers
    if number_id is None:
        usable = next((number for number in numbers.values() if number["is_active"]), None)
    else:
        usable = numbers.get(number_id) if isinstance(number_id, str) else None
        if usable is None:
            raise not_found("Number", "number_id")
    if usable is None or not usable["is_active"]:
        raise Refusal(422, "unprocessable", "No phone number is available to call from", param="number_id")
    return usable
