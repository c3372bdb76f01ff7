"""Commands to a running call, and the shorthands of them."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flireo_flows.api.control import (
    Controlled,
    EndCall,
    InjectContext,
    Say,
    Transfer,
    control_call,
    end_call,
    inject_context,
    say,
    transfer_call,
)
from flireo_flows.api.errors import InvalidInput
from flireo_flows.api.fields import Dialect
from flireo_flows.api.operation import Effect, Operation, endpoint_of
from flireo_flows.api.registry import OPERATIONS, SHORTHANDS
from tests.support.api.speaking import ANNA
from tests.support.api.written_bodies import written

CALL = "call-_+447700900001_abc"


@pytest.mark.parametrize(
    ("make", "body"),
    [
        (
            lambda: control_call(CALL, Say(content="Hi.")),
            {"type": "say", "content": "Hi.", "end_after": False},
        ),
        (lambda: say(CALL, "Hi."), {"type": "say", "content": "Hi.", "end_after": False}),
        (lambda: say(CALL, "Bye.", True), {"type": "say", "content": "Bye.", "end_after": True}),
        (
            lambda: control_call(CALL, InjectContext(content="VIP", trigger_response=True)),
            {"type": "inject-context", "content": "VIP", "trigger_response": True},
        ),
        (
            lambda: inject_context(CALL, "VIP"),
            {"type": "inject-context", "content": "VIP", "trigger_response": False},
        ),
        (lambda: control_call(CALL, EndCall()), {"type": "end-call"}),
        (lambda: control_call(CALL, EndCall(message="")), {"type": "end-call"}),
        (lambda: end_call(CALL), {"type": "end-call"}),
        (lambda: end_call(CALL, "Bye."), {"type": "end-call", "message": "Bye."}),
        (lambda: control_call(CALL, Transfer(destination=ANNA)), {"type": "transfer", "destination": ANNA}),
        (
            lambda: transfer_call(CALL, "sip:desk@example.org", "One moment."),
            {"type": "transfer", "destination": "sip:desk@example.org", "message": "One moment."},
        ),
    ],
)
def test_a_command_is_written_alike_in_both_dialects(
    make: Callable[[], Operation[Controlled]], body: dict[str, Any]
) -> None:
    operation = make()
    assert written(operation, "ControlCommand") == (body, body)
    assert operation.target(Dialect.FLIREO) == "/calls/call-_%2B447700900001_abc/control"
    assert ANNA not in repr(operation)


@settings(deadline=None)
@given(st.sampled_from(["say", "inject-context", "end-call", "transfer"]), st.booleans(), st.text())
def test_a_command_may_be_given_as_plain_json(kind: str, flag: bool, words: str) -> None:
    fields: dict[str, dict[str, Any]] = {
        "say": {"content": words, "end_after": flag},
        "inject-context": {"content": words, "trigger_response": flag},
        "end-call": {"message": words} if words else {},
        "transfer": {"destination": ANNA},
    }
    body = {"type": kind, **fields[kind]}
    assert written(control_call(CALL, body), "ControlCommand")[0] == body  # type: ignore[arg-type]


@pytest.mark.parametrize("shorthand", SHORTHANDS, ids=lambda one: one.__name__)
def test_a_shorthand_is_the_same_operation_by_another_name(shorthand: Callable[..., Any]) -> None:
    assert endpoint_of(shorthand) == endpoint_of(control_call)
    assert endpoint_of(shorthand).name == "control_call"
    assert endpoint_of(shorthand).effect is Effect.CHANGES
    assert shorthand not in OPERATIONS


@pytest.mark.parametrize(
    ("make", "param"),
    [
        (lambda: say("", "Hi."), "call_id"),
        (lambda: say(CALL, None), "content"),  # type: ignore[arg-type]
        (lambda: transfer_call(CALL, "0612345678"), "destination"),
        (lambda: transfer_call(CALL, "tel:+447700900001"), "destination"),
        (lambda: transfer_call(CALL, "sip:"), "destination"),
        (lambda: transfer_call(CALL, "sip:desk@example.org\n"), "destination"),
        (lambda: transfer_call(CALL, f"{ANNA}\n"), "destination"),
        (
            lambda: control_call(CALL, {"type": "transfer", "destination": "0612345678"}),  # type: ignore[arg-type]
            "command.transfer.destination",
        ),
        (lambda: control_call(CALL, {"type": "dance"}), "command"),  # type: ignore[arg-type]
        (lambda: control_call(CALL, {"content": "Hi."}), "command"),  # type: ignore[arg-type]
        (lambda: control_call(CALL, {"type": "say"}), "command.say.content"),  # type: ignore[arg-type]
    ],
)
def test_a_command_that_cannot_be_right_is_named_and_not_sent(
    make: Callable[[], Operation[Controlled]], param: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        make()
    assert refused.value.param == param
    assert "0612345678" not in repr(refused.value) and "900001" not in repr(refused.value)


@pytest.mark.parametrize("destination", [ANNA, "sip:desk@example.org", "SIPS:+447700900001@example.org:5061"])
def test_a_call_is_handed_over_to_a_number_or_a_sip_uri(destination: str) -> None:
    assert written(transfer_call(CALL, destination), "TransferCommand")[0]["destination"] == destination
    assert destination not in repr(Transfer(destination=destination))


@pytest.mark.parametrize(
    ("reported", "read"),
    [
        ({"success": True, "message": "Command sent successfully"}, (True, "Command sent successfully")),
        ({"success": False, "message": "no", "newest": 1}, (False, "no")),
        ({"success": None, "message": 5}, (True, "")),
        ({}, (True, "")),
        (None, (True, "")),
    ],
)
def test_the_answer_to_a_command_is_read_tolerantly(reported: object, read: tuple[bool, str]) -> None:
    controlled = say(CALL, "Hi.").reads(reported)
    assert (controlled.success, controlled.message) == read
