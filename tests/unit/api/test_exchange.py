"""What is sent, when, how often, and what is raised: the decisions, without a network."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flireo_flows.api import errors
from flireo_flows.api.agent_config import AgentSettings
from flireo_flows.api.agents import delete_agent, get_agent, update_agent
from flireo_flows.api.calls import Call, create_outbound_call, get_call
from flireo_flows.api.exchange import NO_ROOM, TOO_LATE, exchange
from flireo_flows.api.judgement import Lost, Reply, backoff, envelope
from flireo_flows.api.operation import Effect, Operation
from flireo_flows.api.rate_limit import RateLimit
from tests.support.api.played_exchange import LOST, START, UNSENT, play, said
from tests.support.api.speaking import PLACED, RING_ANNA

READS = get_call("call-1")
CHANGES = update_agent("agent-1", AgentSettings(name="Sanne"))
PLACES_CALL = create_outbound_call(RING_ANNA)
EACH = pytest.mark.parametrize(
    "operation", [READS, CHANGES, PLACES_CALL], ids=lambda operation: operation.effect
)

CALL = said(200, b'{"id": "call-1", "status": "ended"}')
AGENT = said(200, b'{"agent": {"id": "agent-1"}}')
ACCEPTED = said(200, json.dumps(PLACED).encode())

REFUSALS = [
    (400, errors.BadRequest),
    (401, errors.AuthenticationFailed),
    (402, errors.InsufficientCredits),
    (403, errors.PermissionDenied),
    (404, errors.NotFound),
    (405, errors.RequestRefused),
    (409, errors.Conflict),
    (410, errors.RequestRefused),
    (422, errors.Unprocessable),
    (499, errors.RequestRefused),
]
# No one knows whether these had their effect; a redirect is not followed, for that would send it again.
MUTE = [302, 304, 408, 500, 501, 502, 503, 504, 520, 599]


def test_the_three_operations_of_these_tests_have_the_three_effects() -> None:
    assert [READS.effect, CHANGES.effect, PLACES_CALL.effect] == list(Effect)


@EACH
@pytest.mark.parametrize(("status", "error"), REFUSALS)
def test_a_refusal_is_final_whatever_was_asked(
    operation: Operation[Any], status: int, error: type[errors.FlireoError]
) -> None:
    played = play(operation, said(status))
    assert (played.sent, type(played.outcome), played.outcome.status) == (1, error, status)
    assert played.outcome.route == operation.route


@pytest.mark.parametrize("operation", [CHANGES, PLACES_CALL], ids=lambda operation: operation.effect)
@pytest.mark.parametrize("status", MUTE)
def test_a_status_that_leaves_the_effect_open_is_never_followed_by_a_second_request(
    operation: Operation[Any], status: int
) -> None:
    played = play(operation, said(status))
    assert (played.sent, played.pauses, type(played.outcome)) == (1, [], errors.OutcomeUnknown)


@pytest.mark.parametrize("status", MUTE)
def test_a_request_that_changes_nothing_is_tried_four_times(status: int) -> None:
    played = play(READS, said(status))
    assert (played.sent, type(played.outcome)) == (4, errors.ServerFailed)
    assert played.pauses == [0.5, 1.0, 2.0]


def test_a_request_that_changes_nothing_is_tried_until_it_is_answered() -> None:
    played = play(READS, said(503), LOST, UNSENT, CALL)
    assert (played.sent, played.outcome) == (4, Call(id="call-1", status="ended"))


@pytest.mark.parametrize(
    ("operation", "answer", "times", "error"),
    [
        (READS, LOST, 4, errors.TimedOut),
        (READS, UNSENT, 4, errors.NotSent),
        (CHANGES, LOST, 1, errors.OutcomeUnknown),
        (CHANGES, UNSENT, 4, errors.NotSent),
        (PLACES_CALL, LOST, 1, errors.OutcomeUnknown),
        (PLACES_CALL, UNSENT, 1, errors.NotSent),  # the dialer asks again whether it may
    ],
)
def test_no_answer_is_tried_again_only_where_nothing_can_happen_twice(
    operation: Operation[Any], answer: Lost, times: int, error: type[errors.FlireoError]
) -> None:
    played = play(operation, answer)
    assert (played.sent, type(played.outcome), played.outcome.text) == (times, error, answer.text)
    assert played.outcome.status is None


def test_a_change_that_was_lost_after_one_that_never_left_is_not_sent_a_third_time() -> None:
    played = play(CHANGES, UNSENT, LOST, AGENT)
    assert (played.sent, type(played.outcome)) == (2, errors.OutcomeUnknown)


@EACH
@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'"ok"', b"{}", b'{"agent": {"id"', b"<html>", b"\xff", b"[" * 200_000]
)
def test_a_success_that_cannot_be_read_is_not_taken_for_one(operation: Operation[Any], body: bytes) -> None:
    played = play(operation, said(200, body))
    unread = errors.UnreadableAnswer if operation is READS else errors.OutcomeUnknown
    assert (played.sent, type(played.outcome), played.outcome.status) == (1, unread, 200)
    assert played.outcome.text == "the answer could not be read"


def test_a_call_without_an_id_may_have_been_placed() -> None:
    for placed in ({**PLACED, "call_id": None}, {**PLACED, "call_id": ""}, {"success": True}):
        played = play(PLACES_CALL, said(200, json.dumps(placed).encode()))
        assert (played.sent, type(played.outcome)) == (1, errors.OutcomeUnknown)


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_any_2xx_is_a_success(status: int) -> None:
    assert play(PLACES_CALL, said(status, ACCEPTED.body)).outcome.call_id == "call-1"


@pytest.mark.parametrize(
    ("answer", "gone"), [(said(204), True), (said(200, b'{"success": true}'), True), (said(200, b"{}"), True)]
)
def test_a_delete_is_done_with_and_without_a_body(answer: Reply, gone: bool) -> None:
    assert play(delete_agent("agent-1"), answer).outcome is gone


@EACH
def test_a_limited_request_is_sent_again_after_the_time_the_server_names(operation: Operation[Any]) -> None:
    good = {READS.name: CALL, CHANGES.name: AGENT, PLACES_CALL.name: ACCEPTED}[operation.name]
    played = play(operation, said(429, retry_after="30"), good)
    assert (played.sent, sum(played.pauses)) == (2, 30.0)
    assert not isinstance(played.outcome, Exception)


@pytest.mark.parametrize("reported", [None, "0", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "-5", "nan", "inf"])
def test_a_limit_without_a_usable_retry_after_is_waited_for_a_second_at_least(reported: str | None) -> None:
    limited = said(429) if reported is None else said(429, retry_after=reported)
    played = play(PLACES_CALL, limited, ACCEPTED)
    assert played.sent == 2
    assert 1.0 <= sum(played.pauses) <= 2.0


def test_a_server_that_limits_forever_is_given_up_on() -> None:
    played = play(PLACES_CALL, said(429, retry_after="2"))
    assert (played.sent, type(played.outcome), played.outcome.retry_after) == (11, errors.RateLimited, 2.0)


def test_no_retry_after_waits_longer_than_a_day() -> None:
    played = play(PLACES_CALL, said(429, retry_after="1e300"), ACCEPTED)
    assert sum(played.pauses) == 86_400


def test_nothing_goes_out_after_the_time_it_had_to_go_out_before() -> None:
    played = play(PLACES_CALL, ACCEPTED, before=-0.1)
    assert (played.sent, type(played.outcome), played.outcome.text) == (0, errors.TooLate, TOO_LATE)


def test_a_wait_for_the_limit_that_ends_too_late_is_not_begun() -> None:
    pacing = RateLimit()
    play(READS, said(429, retry_after="1"), CALL, pacing=pacing)
    pacing.blocked_until = START + 20
    played = play(PLACES_CALL, ACCEPTED, pacing=pacing, before=19)
    assert (played.sent, played.pauses, type(played.outcome)) == (0, [], errors.TooLate)
    assert played.outcome.text == NO_ROOM
    assert play(PLACES_CALL, ACCEPTED, pacing=pacing, before=21).sent == 1


@pytest.mark.parametrize(
    ("operation", "answer", "error"),
    [
        (PLACES_CALL, said(429, retry_after="30"), errors.RateLimited),
        (READS, said(503), errors.ServerFailed),
        (READS, LOST, errors.TimedOut),
    ],
)
def test_a_repetition_that_would_come_too_late_raises_what_went_wrong(
    operation: Operation[Any], answer: Reply | Lost, error: type[errors.FlireoError]
) -> None:
    played = play(operation, answer, before=0.3)
    assert (played.sent, played.pauses, type(played.outcome)) == (1, [], error)


@given(tries=st.integers(0, 30), jitter=st.floats(0, 1))
def test_a_backoff_is_half_to_all_of_a_doubling_time_up_to_eight_seconds(tries: int, jitter: float) -> None:
    ceiling = min(8.0, 0.5 * 2**tries)
    assert ceiling / 2 <= backoff(tries, jitter) <= ceiling


def test_backoffs_grow() -> None:
    assert all(backoff(tries, 0.5) <= backoff(tries + 1, 0.5) for tries, _ in pairwise(range(20)))


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (
            {"error": {"code": "missing_field", "message": "needed", "param": "agent_id", "type": "x"}},
            ("missing_field", "needed", "agent_id"),
        ),
        ({"error": "Invalid API key"}, (None, "Invalid API key", None)),
        ({"error": "Unauthorized", "message": "Missing key"}, (None, "Missing key", None)),
        (
            {"error": "Invalid", "message": "needed", "param": "name", "details": ["a"], "balance": 0},
            (None, "needed", "name"),
        ),
        ({"message": "odd"}, (None, "odd", None)),
        ({"error": {}}, (None, "", None)),
        ({"error": None}, (None, "", None)),
        ({"error": ["a"]}, (None, "", None)),
        ({"error": {"code": 17, "message": {"en": "no"}}}, ("17", "{'en': 'no'}", None)),
        ([], (None, "", None)),
        ("no", (None, "", None)),
    ],
)
def test_an_error_is_read_in_each_form_it_is_written_in(
    body: object, read: tuple[str | None, str, str | None]
) -> None:
    assert envelope(json.dumps(body).encode()) == read


@pytest.mark.parametrize("body", [b"", b"<html>502</html>", b"\xff\xfe", b'{"error"', b"[" * 200_000])
def test_an_error_that_is_no_json_has_no_words(body: bytes) -> None:
    assert envelope(body) == (None, "", None)


def test_an_error_names_the_request_the_problem_and_what_to_do() -> None:
    body = {"error": {"code": "missing_field", "message": "needed", "param": "agent_id"}}
    refused = play(PLACES_CALL, said(400, json.dumps(body).encode(), x_request_id="req-1")).outcome
    assert (
        str(refused)
        == "Flireo POST /calls/outbound: 400 missing_field: needed (field agent_id) [request req-1]."
    )
    assert str(play(PLACES_CALL, LOST).outcome) == "Flireo POST /calls/outbound: no answer: ReadTimeout."
    assert str(play(PLACES_CALL, said(402)).outcome).endswith("it continues where it stopped.")


def test_a_route_is_named_without_the_id() -> None:
    assert "agent-1" not in str(play(get_agent("agent-1"), said(404)).outcome)


@given(st.dictionaries(st.sampled_from(["date", "retry-after", "x-request-id"]), st.text()), st.text())
def test_no_header_can_make_a_placed_call_look_like_anything_else(
    headers: dict[str, str], reported: str
) -> None:
    limits = {f"x-ratelimit-{name}": reported for name in ("limit", "remaining", "reset")}
    answer = Reply(200, {**limits, **headers}, ACCEPTED.body, START)
    assert play(PLACES_CALL, answer).outcome.call_id == "call-1"


@pytest.mark.parametrize(
    "reported", ["nan", "inf", "-inf", "1e999", "1e300", "-1", "0", "1760000060000", "60"]
)
def test_absurd_limits_neither_break_an_exchange_nor_stop_it_for_long(reported: str) -> None:
    limits = {f"x-ratelimit-{name}": reported for name in ("limit", "remaining", "reset")}
    answer, pacing = Reply(200, limits, ACCEPTED.body, START), RateLimit()
    for _ in range(5):
        played = play(PLACES_CALL, answer, pacing=pacing)
        assert played.outcome.call_id == "call-1"
        assert sum(played.pauses) <= 2


def test_an_exchange_notices_when_it_is_driven_wrongly() -> None:
    steps = exchange(PLACES_CALL, RateLimit(), START, 0.5)
    next(steps)
    with pytest.raises(TypeError, match="answered with a Reply or a Lost"):
        steps.send(START)
    blocked = RateLimit(blocked_until=START + 1)
    steps = exchange(PLACES_CALL, blocked, START, 0.5)
    next(steps)
    with pytest.raises(TypeError, match="answered with the time"):
        steps.send(LOST)
