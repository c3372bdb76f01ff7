"""What is no list, and what is no success, is never taken for one (contract section 21.1).

An answer without a list that counts as an empty list says that no one was called, and then they are called again.
"""

import json
from typing import Any

from flireo_flows.api import errors
from flireo_flows.api.calls import Call, CallPage, get_call, list_calls
from flireo_flows.api.control import transfer_call
from flireo_flows.api.operation import Effect, Operation, endpoint_of
from flireo_flows.api.registry import OPERATIONS, SHORTHANDS, OperationFunction, raw_operation
from tests.support.api.examples import example
from tests.support.api.played_exchange import play, said
from tests.support.api.strict_reading import (
    BY_NAME,
    EACH,
    EACH_FAILURE,
    EACH_LIST,
    LISTS,
    THING,
    came_of,
    unread,
)
from tests.support.cases import every

CHANGING = [function for function in OPERATIONS if endpoint_of(function).effect is not Effect.READS]


def test_every_list_of_the_registry_is_in_the_table() -> None:
    assert {name for name in BY_NAME if name.startswith("list_")} <= LISTS.keys()


def rows_of(result: Any) -> list[str]:
    """The ids of a list, whatever it came in."""
    held = next(
        (getattr(result, name) for name in ("calls", "logs", "leads", "domains") if hasattr(result, name)),
        result,
    )
    return [row.id for row in held]


# Lists


@EACH_LIST
def test_a_list_is_read_under_each_documented_key_and_bare(name: str) -> None:
    asked = example(BY_NAME[name])
    for key in LISTS[name]:
        assert rows_of(came_of(asked, {key: [THING, {"id": "thing-2"}]})) == ["thing-1", "thing-2"]
        assert rows_of(came_of(asked, {key: [], "next": None})) == []
        assert rows_of(came_of(asked, {key: [], "pagination": {"total": 0}})) == []
    assert rows_of(came_of(asked, [THING])) == ["thing-1"]
    assert rows_of(came_of(asked, [])) == []


# What stands where the list belongs.
IN_PLACE: dict[str, Any] = {
    "object": {},
    "text": "",
    "some text": "none",
    "null": None,
    "number": 0,
    "false": False,
    "an object by id": {"thing-1": THING},
    "a thing": THING,
    "nulls": [None],
    "texts": ["thing-1"],
    "numbers": [1],
    "lists": [[]],
    "no id": [{}],
    "half": [THING, None],
}
# What stands beside an empty list and says that it is not empty.
BESIDE: dict[str, Any] = {
    "total": {"total": 1},
    "total as text": {"total": "3"},
    "total as float": {"total": 2.0},
    "count": {"count": 7},
    "total_count": {"total_count": 7},
    "pagination": {"pagination": {"total": 1, "limit": 100, "offset": 0}},
    "pagination as text": {"pagination": {"total": "12"}},
    "meta": {"meta": {"total": 4}},
    "an error": {"error": "the database is away"},
    "an error of the nested form": {"error": {"code": "upstream_error"}},
    "no success": {"success": False},
    "success as text": {"success": "false"},
    "success as a number": {"success": 0},
}


@EACH_LIST
@every("inside", IN_PLACE.values(), ids=IN_PLACE.keys())
def test_what_stands_where_the_list_belongs_is_not_an_empty_list(name: str, inside: Any) -> None:
    for key in LISTS[name]:
        assert type(came_of(example(BY_NAME[name]), {key: inside})) is errors.UnreadableAnswer


@EACH_LIST
@every("beside", BESIDE.values(), ids=BESIDE.keys())
def test_an_empty_list_that_contradicts_itself_is_not_one(name: str, beside: dict[str, Any]) -> None:
    for key in LISTS[name]:
        assert type(came_of(example(BY_NAME[name]), {key: [], **beside})) is errors.UnreadableAnswer


@every("name", [name for name, keys in LISTS.items() if len(keys) == 2])
def test_two_lists_under_two_keys_are_one_only_where_they_agree(name: str) -> None:
    first, second = LISTS[name]
    asked = example(BY_NAME[name])
    assert rows_of(came_of(asked, {first: [THING], second: [THING]})) == ["thing-1"]
    assert rows_of(came_of(asked, {first: None, second: [THING]})) == ["thing-1"]
    others: list[Any] = [[], [{"id": "thing-2"}], {}, ""]
    for other in others:
        assert type(came_of(asked, {first: [THING], second: other})) is errors.UnreadableAnswer
        assert type(came_of(asked, {first: other, second: [THING]})) is errors.UnreadableAnswer


@EACH_LIST
@every("body", [b"", b" ", b"\n", b"{", b'{"calls": [', b'[{"id": "a"}, {"id"', b"<html></html>"])
def test_a_list_that_was_cut_short_or_is_no_json_is_not_read(name: str, body: bytes) -> None:
    assert type(play(example(BY_NAME[name]), said(200, body)).outcome) is errors.UnreadableAnswer


@every("status", [200, 201, 204, 206])
@EACH_LIST
def test_no_body_is_no_list_with_any_2xx(name: str, status: int) -> None:
    assert type(play(example(BY_NAME[name]), said(status)).outcome) is errors.UnreadableAnswer


def test_a_page_beyond_the_end_may_be_empty_though_there_is_a_total() -> None:
    body = {"calls": [], "pagination": {"total": 5, "limit": 5, "offset": 5}}
    assert came_of(list_calls(limit=5, offset=5), body) == CallPage(calls=(), total=5)


# What a real answer would hold as well, for each operation at once.
WHOLE: dict[str, Any] = {
    "id": "thing-1",
    "call_id": "call-1",
    "status": "ok",
    "byok_keys": {"openai_secret_id": "v"},
    "domain": {"id": "domain-1", "domain_name": "example.org"},
    **{key: [] for keys in LISTS.values() for key in keys if key != "usage"},
}


@EACH
@EACH_FAILURE
@every("status", [200, 201, 202])
def test_nor_is_one_that_holds_a_result_beside_it(
    function: OperationFunction, body: dict[str, Any], status: int
) -> None:
    if endpoint_of(function).has_error and isinstance(body.get("error"), str) and body.get("success", True):
        return  # a call that failed says why: see below
    played = play(example(function), said(status, json.dumps({**WHOLE, **body}).encode()))
    assert (played.sent, type(played.outcome)) == (1, unread(function))


@EACH
@EACH_FAILURE
def test_nor_is_a_raw_answer(function: OperationFunction, body: dict[str, Any]) -> None:
    asked = example(function)
    raw = Operation(asked.endpoint, lambda answer: answer, asked.sends)
    assert type(came_of(raw, body)) is unread(function)


@every("shorthand", SHORTHANDS, ids=lambda one: one.__name__)
@EACH_FAILURE
def test_nor_is_the_answer_to_a_command(shorthand: OperationFunction, body: dict[str, Any]) -> None:
    words = "sip:desk@example.org" if shorthand is transfer_call else "Hi."
    assert type(came_of(shorthand("call-1", words), body)) is errors.OutcomeUnknown


@EACH
@every("body", [5, "ok", "", True, [5], [[]], ["ok"]])
def test_what_is_no_object_is_no_success(function: OperationFunction, body: Any) -> None:
    assert type(came_of(example(function), body)) is unread(function)


@every("function", CHANGING, ids=lambda function: function.__name__)
def test_a_success_is_marked_so_and_has_no_error(function: OperationFunction) -> None:
    body = {**WHOLE, "success": True, "error": None}
    nothing: list[Any] = [None, "", False, {}, []]
    for empty in nothing:
        assert not isinstance(came_of(example(function), {**body, "error": empty}), Exception)


@every(
    "body",
    [
        {},
        {"message": "boom"},
        {"id": ""},
        {"id": None},
        {"id": 5},
        {"agent": None, "number": None, "campaign": None, "lead": None, "trunk": None, "domain": []},
        {"agent": {}, "number": {}, "campaign": {}, "lead": {}, "trunk": {}, "domain": {}, "call": {}},
        {"agent": [THING], "number": [THING], "campaign": [THING], "lead": [THING], "domain": ""},
    ],
)
@EACH
def test_no_object_is_built_without_its_id(function: OperationFunction, body: dict[str, Any]) -> None:
    name = function.__name__
    if name.startswith(("delete_", "remove_")) or name == "control_call":
        return  # these have no object
    assert type(came_of(example(function), body)) is unread(function)


@every("words", ["busy", "no answer", "STT connection failed"])
def test_a_call_that_failed_has_its_reason_and_is_read(words: str) -> None:
    failed = {"id": "call-1", "status": "failed", "error": words}
    for body in (failed, {"call": failed}):
        assert came_of(get_call("call-1"), body).error == words
    raw = raw_operation("get_call", {"id": "call-1"})
    assert came_of(raw, failed) == failed
    assert came_of(list_calls(), {"calls": [failed]}).calls == (Call(**failed),)


def test_an_error_with_the_id_of_a_request_is_no_call() -> None:
    body = {"id": "request-1", "error": "Unauthorized", "message": "Invalid API key"}
    assert type(came_of(get_call("call-1"), body)) is errors.UnreadableAnswer


def test_the_servers_words_are_reported() -> None:
    body = {"success": False, "error": {"code": "conflict", "message": "it is in use", "param": "agent_id"}}
    outcome = play(
        example(BY_NAME["delete_agent"]), said(200, json.dumps(body).encode(), x_request_id="r-1")
    ).outcome
    assert (outcome.code, outcome.text, outcome.param, outcome.request_id) == (
        "conflict",
        "it is in use",
        "agent_id",
        "r-1",
    )
