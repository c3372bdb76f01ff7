"""An answer that cannot be read is not guessed at, over HTTP."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flireo_flows.api import errors
from flireo_flows.api.calls import CallPage, list_calls
from flireo_flows.api.client import FlireoClient
from flireo_flows.api.pagination import iter_calls, iter_campaign_leads, iter_usage
from flireo_flows.api.registry import OperationFunction
from tests.support.api.examples import SECRETS, example
from tests.support.api.played_exchange import play, said
from tests.support.api.speaking import KEY, SPEAKERS, MakesSpeaker, account
from tests.support.api.strict_reading import BY_NAME, EACH, EACH_FAILURE, EACH_LIST, THING, came_of, unread
from tests.support.cases import every
from tests.support.faulty.server import answer, cut, run_faulty

# None of these says that there is nothing.
NO_LISTS: dict[str, Any] = {
    "nothing in it": {},
    "text": "",
    "more text": "[]",
    "null": None,
    "number": 0,
    "true": True,
    "false": False,
    "another key": {"data": []},
    "a message": {"message": "ok"},
    "success alone": {"success": True},
    "a total alone": {"pagination": {"total": 0}},
    "no success": {"success": False},
    "an error": {"error": "boom"},
    "an error of the nested form": {"error": {"code": "internal_error", "message": "boom"}},
    "a list in a list": [[]],
    "texts in a list": ["thing-1"],
    "nulls in a list": [None],
    "no ids in a list": [{}],
    "one id missing": [THING, {"name": "x"}],
    "an empty id": [{"id": ""}],
    "a blank id": [{"id": " "}],
    "an id of null": [{"id": None}],
    "an id that is a number": [{"id": 17}],
    "an id that is a list": [{"id": ["a"]}],
}


@EACH_LIST
@every("body", NO_LISTS.values(), ids=NO_LISTS.keys())
def test_an_answer_without_a_list_is_not_an_empty_list(name: str, body: Any) -> None:
    outcome = came_of(example(BY_NAME[name]), body)
    assert type(outcome) is errors.UnreadableAnswer, outcome
    assert outcome.status == 200


@settings(max_examples=300, deadline=None)
@given(
    body=st.recursive(
        st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(["calls", "id", "total", "pagination", "error", "success"]), inner
            )
        ),
        max_leaves=6,
    )
)
def test_only_an_empty_list_means_that_there_is_none(body: Any) -> None:
    outcome = came_of(list_calls(), body)
    if isinstance(outcome, CallPage) and not outcome.calls:
        held = body if isinstance(body, list) else body["calls"]
        assert held == []
        assert isinstance(body, list) or (not body.get("error") and body.get("success") in (None, True))


# The same through both clients and the readers of whole lists


@every("speaker", SPEAKERS.values(), ids=SPEAKERS.keys())
@every("body", [{}, "", {"calls": {}}, {"calls": ""}, {"calls": [], "total": 1}])
def test_no_client_takes_it_for_a_list(speaker: MakesSpeaker, body: Any) -> None:
    unread = pytest.raises(errors.UnreadableAnswer)
    with run_faulty(answer(200, body)) as server, speaker(account(server.url)) as client, unread:
        client.send(list_calls())
    assert len(server.requests) == 1


@every("act", [answer(200, {}), answer(200, {"total": 3}), answer(204), cut(answer(200, [THING]))])
def test_no_reader_of_whole_lists_ends_before_its_list(act: Any) -> None:
    with run_faulty(act) as server, FlireoClient(account(server.url)) as client:
        for rows in (iter_calls(client), iter_usage(client), iter_campaign_leads(client, "campaign-1")):
            with pytest.raises((errors.UnreadableAnswer, errors.TimedOut)):
                next(rows)


def test_a_second_page_that_is_no_list_is_not_the_end() -> None:
    rows = [{"id": f"call-{number}"} for number in range(3)]
    acts = [answer(200, {"calls": rows, "pagination": {"total": 9}}), answer(200, {})]
    unread = pytest.raises(errors.UnreadableAnswer)
    with run_faulty(acts) as server, FlireoClient(account(server.url)) as client, unread:
        list(iter_calls(client, page_size=3))


@EACH
@EACH_FAILURE
def test_a_200_that_calls_itself_a_failure_is_no_success(
    function: OperationFunction, body: dict[str, Any]
) -> None:
    played = play(example(function), said(200, json.dumps(body).encode()))
    assert (played.sent, type(played.outcome)) == (1, unread(function))


@every("status", [200, 400])
@EACH
def test_no_secret_is_repeated_from_an_error(function: OperationFunction, status: int) -> None:
    reported = f"{KEY} {' '.join(SECRETS)}"
    act = answer(
        status, {"error": {"message": reported, "code": reported, "param": reported}}, {"X-Request-Id": KEY}
    )
    failed = pytest.raises(errors.FlireoError)
    with run_faulty(act) as server, FlireoClient(account(server.url)) as client, failed as refused:
        client.send(example(function))
    sent = server.requests[0].body.decode()
    shown = f"{refused.value!r} {refused.value}"
    assert KEY not in shown
    assert not [secret for secret in SECRETS if secret in sent and secret in shown]
