"""What a server may leave out, add or get wrong without anything being lost."""

from datetime import UTC, datetime
from typing import Any

import pytest

from flireo_flows.api.agents import get_agent, list_agents
from flireo_flows.api.calls import Call, Placed, create_outbound_call, get_call, list_calls
from flireo_flows.api.numbers import get_number, list_numbers
from flireo_flows.api.operation import Operation
from flireo_flows.api.organization import get_organization
from tests.support.api.speaking import ANNA, RING_ANNA


def call(**fields: Any) -> Call:
    read: Call = get_call("call-1").reads({"id": "call-1", **fields})
    return read


def test_an_id_is_enough() -> None:
    assert call() == Call(id="call-1")
    assert not call().is_over
    assert call().is_outbound
    assert not call().is_with(ANNA)


def test_what_is_not_known_is_kept_aside() -> None:
    read = call(sentiment={"score": 1}, status="on-the-moon")
    assert (read.status, read.model_extra) == ("on-the-moon", {"sentiment": {"score": 1}})


@pytest.mark.parametrize(
    ("operation", "answer", "found"),
    [
        (get_agent("a"), {"agent": {"id": "a"}}, "a"),
        (get_agent("a"), {"assistant": {"id": "a"}}, "a"),
        (get_agent("a"), {"id": "a"}, "a"),
        (get_number("n"), {"number": {"id": "n"}}, "n"),
        (get_number("n"), {"id": "n"}, "n"),
        (get_call("c"), {"id": "c"}, "c"),
        (get_call("c"), {"call": {"id": "c"}}, "c"),
        (get_organization(), {"id": "o"}, "o"),
        (get_organization(), {"organization": {"id": "o"}}, "o"),
        (get_organization(), {"account": {"id": "o"}}, "o"),
    ],
)
def test_a_thing_is_found_in_any_envelope_and_in_none(
    operation: Operation[Any], answer: object, found: str
) -> None:
    assert operation.reads(answer).id == found


@pytest.mark.parametrize(
    ("operation", "key"),
    [(list_agents(), "agents"), (list_agents(), "assistants"), (list_numbers(), "numbers")],
)
def test_a_list_is_found_in_any_envelope_and_in_none(operation: Operation[Any], key: str) -> None:
    things = [{"id": "1"}, {"id": "2"}]
    assert [thing.id for thing in operation.reads({key: things})] == ["1", "2"]
    assert [thing.id for thing in operation.reads(things)] == ["1", "2"]
    assert operation.reads({key: []}) == []


@pytest.mark.parametrize(
    ("pagination", "total"),
    [
        ({"total": 42}, 42),
        ({}, None),
        (None, None),
        ("many", None),
        ({"total": "many"}, None),
        ({"total": None}, None),
    ],
)
def test_a_page_need_not_say_how_many_there_are(pagination: object, total: int | None) -> None:
    page = list_calls().reads({"calls": [{"id": "1"}], "pagination": pagination})
    assert ([one.id for one in page.calls], page.total) == (["1"], total)
    assert list_calls().reads({"calls": []}).total is None
    assert list_calls().reads([{"id": "1"}]).calls == (Call(id="1"),)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (None, None),
        ({"booked": True}, {"booked": True}),
        ({}, {}),
        (["yes", "no"], {"result": ["yes", "no"]}),
        ("yes", {"result": "yes"}),
        (0, {"result": 0}),
        ([], {"result": []}),
    ],
)
def test_an_analysis_of_any_shape_is_kept(written: object, read: object) -> None:
    assert call(analysis_result=written).analysis_result == read


@pytest.mark.parametrize(
    "written",
    [
        "2026-01-10T09:02:31.000Z",
        "2026-01-10T09:02:31Z",
        "2026-01-10T10:02:31+01:00",
        "2026-01-10T04:02:31.000000-05:00",
        "2026-01-10 09:02:31+00:00",
    ],
)
def test_a_time_is_read_with_any_offset(written: str) -> None:
    assert call(ended_at=written).ended_at == datetime(2026, 1, 10, 9, 2, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    "odd",
    [
        {"ended_at": "yesterday"},
        {"ended_at": "2026-01-10T09:02:31"},  # whose time?
        {"duration_seconds": 117.5},
        {"duration_seconds": "long"},
        {"status": None},
        {"agent_id": 17},
        {"summary": ["a", "b"]},
        {"messages": "none"},
        {"assistant_phone": {"number": ANNA}},
        {"agent_phone": 17},
        {"messages": {"role": "user"}},
    ],
)
def test_a_field_that_cannot_be_read_does_not_cost_the_rest(odd: dict[str, Any]) -> None:
    page = list_calls().reads({"calls": [{"id": "1", "caller_phone": ANNA, **odd}, {"id": "2"}]})
    assert page.calls == (Call(id="1", caller_phone=ANNA), Call(id="2"))


def test_a_turn_without_words_does_not_cost_the_transcript() -> None:
    turns = [{"role": "assistant", "content": None}, {"role": "user", "content": "Yes.", "at": 3}]
    messages = call(messages=turns).messages
    assert messages is not None
    assert [(turn.role, turn.content) for turn in messages] == [("assistant", ""), ("user", "Yes.")]


@pytest.mark.parametrize("nameless", [{}, {"id": None}, {"id": 17}, "call-1", None])
def test_a_call_without_an_id_is_not_overlooked(nameless: object) -> None:
    # To leave it out would say that no one was called, and then someone is called again.
    with pytest.raises((ValueError, TypeError)):
        list_calls().reads({"calls": [{"id": "1"}, nameless]})


def test_a_placed_call_needs_an_id_and_nothing_else() -> None:
    reads = create_outbound_call(RING_ANNA).reads
    assert reads({"call_id": "call-1", "room_name": None, "status": 5}) == Placed(
        call_id="call-1", room_name=None
    )
    nothing: list[object] = [{}, {"call_id": ""}, {"call_id": None}, {"id": "call-1"}, None, []]
    for nameless in nothing:
        with pytest.raises(ValueError, match="Placed"):
            reads(nameless)


@pytest.mark.parametrize("status", ["ended", "failed", "ended-with-error", "rejected", "transferred"])
def test_a_call_is_over_by_its_status_or_by_its_end(status: str) -> None:
    assert call(status=status).is_over
    assert call(status="something-new", ended_at="2026-01-10T09:02:31.000Z").is_over
    assert not call(status="something-new").is_over


@pytest.mark.parametrize("key", ["assistant_phone", "agent_phone"])
def test_our_own_number_is_read_by_either_name(key: str) -> None:
    assert call(**{key: ANNA}).assistant_phone == ANNA


@pytest.mark.parametrize(
    "written", [ANNA, "00447700900001", "+44 7700 900001", "447700900001", "+44-7700-900001"]
)
def test_a_call_is_with_a_phone_however_it_is_written(written: str) -> None:
    assert call(caller_phone=written).is_with(ANNA)
    assert not call(caller_phone=written).is_with("+447700900002")


@pytest.mark.parametrize(
    ("direction", "ours"), [("outbound", True), (None, True), ("inbound", False), ("web", False)]
)
def test_a_call_that_does_not_say_its_direction_is_taken_for_ours(direction: str | None, ours: bool) -> None:
    assert call(direction=direction).is_outbound is ours


@pytest.mark.parametrize("inside", ["structured_data_plan", "structuredDataPlan"])
def test_an_analysis_plan_is_read_in_either_case(inside: str) -> None:
    plan = {inside: {"enabled": True, "schema": {"type": "object"}}}
    agent = get_agent("a").reads({"agent": {"id": "a", "analysis_plan": plan}})
    assert agent.analysis_plan and agent.analysis_plan.structured_data_plan
    assert agent.analysis_plan.is_on
    assert agent.analysis_plan.structured_data_plan.data_schema == {"type": "object"}


@pytest.mark.parametrize("key", ["name", "company_name"])
def test_an_account_may_call_its_name_differently(key: str) -> None:
    account = get_organization().reads({"id": "o", key: "Acme", "minutes_balance": "12.5"})
    assert (account.name, account.minutes_balance) == ("Acme", 12.5)
