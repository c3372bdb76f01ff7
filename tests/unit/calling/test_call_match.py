"""Whether a call is that of an attempt: its number, its direction, its time, on a clock that is learnt."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flireo_flows.api.calls import Call
from flireo_flows.calling.snapshot import CallMatch, RowClock, is_doubtful, match_of, may_own
from flireo_flows.ledger.known_calls import KnownCall
from flireo_flows.lifecycle.states import AttemptState
from tests.support.calling.campaign import ANNA, BEN

BEGAN = 1_800_000_000.0
HOUR = 3600.0


ATTEMPT = KnownCall(1, "spring", ANNA, BEGAN, AttemptState.PLACED, "c")


def call(after: float | None = 1.0, **fields: Any) -> Call:
    """A call that was created so long after the attempt began."""
    created = None if after is None else datetime.fromtimestamp(BEGAN + after, UTC)
    return Call.model_validate({"id": "c", "caller_phone": ANNA, "created_at": created, **fields})


DIRECTIONS = [
    ("outbound", True),
    ("OUTBOUND", True),
    ("Outbound", True),
    ("outbound_phone_call", True),
    ("outboundPhoneCall", True),
    ("outbound-api", True),
    (None, True),
    ("", True),
    ("campaign", True),
    ("unknown", True),
    (7, True),
    ("inbound", False),
    ("INBOUND", False),
    ("inboundPhoneCall", False),
    ("inbound_phone_call", False),
    ("Incoming", False),
    ("incoming call", False),
    ("web", False),
    ("WEB", False),
    ("web_call", False),
    ("webCall", False),
]


@pytest.mark.parametrize(("direction", "is_possible"), DIRECTIONS)
def test_only_an_explicit_inbound_or_web_call_is_excluded(direction: object, is_possible: bool) -> None:
    found = call(direction=direction)
    assert found.is_outbound is is_possible
    assert may_own(ATTEMPT, found, None, 0.0) is is_possible
    assert (match_of(ATTEMPT, found, None, 0.0) is CallMatch.SAME) is is_possible


@pytest.mark.parametrize(
    ("shown", "fit"),
    [
        (ANNA, CallMatch.SAME),
        ("+44 7700 900001", CallMatch.SAME),
        ("0044 7700-900001", CallMatch.SAME),
        (None, CallMatch.UNCLEAR),
        ("", CallMatch.UNCLEAR),
        ("anonymous", CallMatch.UNCLEAR),
        ("07700 900001", CallMatch.UNCLEAR),
        ("+44 7700 ***001", CallMatch.UNCLEAR),
        ("sip:anna@example.org", CallMatch.UNCLEAR),
        ("+31850835037", CallMatch.UNCLEAR),  # our own number
        (BEN, CallMatch.OTHER),
        ("+12025550199", CallMatch.OTHER),
        ("+12037700900001", CallMatch.OTHER),  # ends alike, in another country
        ("07700 900002", CallMatch.OTHER),
    ],
)
def test_a_call_with_an_attempts_id_is_its_own_unless_its_number_shows_otherwise(
    shown: str | None, fit: CallMatch
) -> None:
    assert match_of(ATTEMPT, call(caller_phone=shown, phone_number="+31850835037"), None, 0.0) is fit


@pytest.mark.parametrize(
    ("after", "band", "skew", "fit"),
    [
        (1.0, None, 0.0, CallMatch.SAME),
        (None, None, 0.0, CallMatch.SAME),
        (-119.0, None, 0.0, CallMatch.SAME),
        (-150.0, None, 0.0, CallMatch.TOO_EARLY),
        (-150.0, None, -60.0, CallMatch.SAME),
        (-150.0, (-151.0, -149.0), 0.0, CallMatch.SAME),
        (-HOUR, (-HOUR, -HOUR), 0.0, CallMatch.SAME),
        (-HOUR, (0.0, 1.0), 0.0, CallMatch.OTHER),
        (-HOUR, (0.0, 1.0), -HOUR, CallMatch.OTHER),
        (HOUR, (0.0, 1.0), 0.0, CallMatch.SAME),
        (0.0, (HOUR, HOUR), HOUR, CallMatch.OTHER),
    ],
)
def test_a_call_is_not_older_than_its_attempt_on_the_lists_own_clock(
    after: float | None, band: tuple[float, float] | None, skew: float, fit: CallMatch
) -> None:
    assert match_of(ATTEMPT, call(after), band, skew) is fit


@pytest.mark.parametrize(
    ("found", "is_in_doubt"),
    [
        (call(caller_phone=None), True),
        (call(caller_phone="+44 7700 ***001"), True),
        (call(-HOUR), True),  # of the list's clock no one knows
        (call(-30 * 24 * HOUR), False),
        (call(-HOUR, caller_phone=None), False),
        (call(HOUR, caller_phone=None), False),
        (call(caller_phone=BEN), False),
        (call(direction="inbound"), False),
        (call(None, caller_phone=None), True),
    ],
)
def test_a_call_that_could_be_ours_forbids_to_say_that_there_is_none(found: Call, is_in_doubt: bool) -> None:
    assert is_doubtful(ATTEMPT, found, None, (0.0, 0.0)) is is_in_doubt


def test_an_older_call_is_in_no_doubt_once_the_lists_clock_is_known() -> None:
    assert not is_doubtful(ATTEMPT, call(-HOUR), (0.0, 1.0), (0.0, 0.0))


@pytest.mark.parametrize(
    ("samples", "band"),
    [
        ([], None),
        ([-HOUR], None),  # the one call may be an older one
        ([1.0, 2.0], (1.0, 2.0)),
        ([-HOUR, -HOUR + 5], (-HOUR, -HOUR + 5)),
        ([-HOUR, 2.0], None),
        ([1.0] * 55 + [-48 * HOUR] * 5, (1.0, 1.0)),
        ([1.0, 1.0, -HOUR, -HOUR, -HOUR], (-HOUR, 1.0)),
    ],
)
def test_the_clock_of_a_list_is_learnt_from_calls_that_agree(
    samples: list[float], band: tuple[float, float] | None
) -> None:
    clock = RowClock()
    for attempt_id, seconds in enumerate(samples):
        clock.learn(attempt_id, seconds, is_live=False)
    assert clock.band == band


def test_a_call_that_was_seen_while_it_went_on_is_enough() -> None:
    clock = RowClock()
    clock.learn(1, -HOUR, is_live=True)
    assert clock.band == (-HOUR, -HOUR)
    clock.forget(1)
    assert clock.band is None


@given(
    st.lists(
        st.tuples(
            st.integers(1, 4),
            st.sampled_from([None, 0.0, 5.0, HOUR, -HOUR]),
            st.booleans(),
        ),
        max_size=12,
    )
)
def test_the_clock_of_a_list_is_always_that_of_the_newest_readings(
    events: list[tuple[int, float | None, bool]],
) -> None:
    """Whether it was asked for in between or not."""
    asked, unasked = RowClock(), RowClock()
    for attempt_id, seconds, is_live in events:
        for clock in (asked, unasked):
            if seconds is None:
                clock.forget(attempt_id)
            else:
                clock.learn(attempt_id, seconds, is_live=is_live)
        _ = asked.band
    assert asked.band == unasked.band
