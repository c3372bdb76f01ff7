"""When a call that no list shows is still to be asked for by its id."""

from dataclasses import replace

import pytest

from flireo_flows.ledger.known_calls import LATE_LIST_SECONDS, KnownCall
from flireo_flows.lifecycle.states import AttemptState

BEGAN = 1_800_000_000.0
UNLISTED = KnownCall(1, "spring", "+442079460001", BEGAN, AttemptState.PLACED, call_id="call-1")


@pytest.mark.parametrize("seconds", [0.0, LATE_LIST_SECONDS - 0.1])
def test_a_call_that_no_list_shows_may_be_asked_for_while_it_is_new(seconds: float) -> None:
    assert UNLISTED.may_be_asked_for(BEGAN + seconds)


@pytest.mark.parametrize("seconds", [LATE_LIST_SECONDS, 86_400.0])
def test_a_call_that_no_list_shows_is_not_waited_for_without_end(seconds: float) -> None:
    assert not UNLISTED.may_be_asked_for(BEGAN + seconds)


@pytest.mark.parametrize(
    "known",
    [
        replace(UNLISTED, listed_at=BEGAN + 1),
        replace(UNLISTED, fetched_at=BEGAN + 1),
        replace(UNLISTED, state=AttemptState.ENDED),
    ],
    ids=["listed", "fetched", "its result is in"],
)
def test_a_call_of_which_enough_is_known_is_not_waited_for(known: KnownCall) -> None:
    assert not known.may_be_asked_for(BEGAN + 1)
