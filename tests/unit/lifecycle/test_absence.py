"""What readings of the call list prove of a call that they do not show."""

from dataclasses import replace

import pytest

from flireo_flows.ledger.schema import attempts
from flireo_flows.lifecycle.absence import (
    LEAST_SECONDS,
    NO_EVIDENCE,
    Evidence,
    Verdict,
    View,
    evidence_of,
    weigh,
)

GRACE = 60.0
WHOLE = View(0.0, is_whole=True, contradicts=False, canary_id=None, rows=5)
CANARY = replace(WHOLE, canary_id=7)
BLIND = replace(WHOLE, is_whole=False)
CONTRADICTS = replace(BLIND, contradicts=True)


def read(*views: tuple[float, View]) -> list[Verdict]:
    """Verdicts of readings, each so many graces after the first."""
    evidence, verdicts = NO_EVIDENCE, []
    for graces, view in views:
        evidence, verdict = weigh(evidence, replace(view, read_at=1000.0 + graces * GRACE), GRACE)
        verdicts.append(verdict)
    return verdicts


def test_two_readings_with_a_canary_a_grace_apart_prove_it() -> None:
    assert read((0, CANARY), (0.5, CANARY), (0.99, CANARY), (1, CANARY)) == [Verdict.OPEN] * 3 + [
        Verdict.ABSENT
    ]


def test_readings_without_a_later_call_take_four_over_four_graces() -> None:
    assert read(*((graces, WHOLE) for graces in (0, 1, 2, 3, 3.9, 4))) == [Verdict.OPEN] * 5 + [
        Verdict.ABSENT
    ]


def test_four_readings_at_once_are_one() -> None:
    views = [(0.01 * n, WHOLE) for n in range(9)]
    assert set(read(*views, (4, WHOLE))) == {Verdict.OPEN}


def test_two_readings_with_long_nothing_between_are_two() -> None:
    """As by a clock that is set while a process sleeps: four graces pass, and no one has looked."""
    assert read((0, WHOLE), (400, WHOLE)) == [Verdict.OPEN] * 2


def test_it_is_not_hopeless_while_a_call_that_the_list_lacks_may_turn_out_to_be_another() -> None:
    lacks = replace(BLIND, may_become_whole=True)
    asked_for = [(6, CANARY), (7, CANARY)]
    assert read(*((graces, lacks) for graces in range(6)), *asked_for) == [Verdict.OPEN] * 7 + [
        Verdict.ABSENT
    ]
    assert read(*((graces, lacks) for graces in range(6)), (6, BLIND))[-1] is Verdict.REVIEW


@pytest.mark.parametrize("second", [WHOLE, BLIND])
def test_one_reading_with_a_canary_is_not_enough(second: View) -> None:
    assert read((0, CANARY), (2, second)) == [Verdict.OPEN] * 2


@pytest.mark.parametrize("view", [BLIND, CONTRADICTS])
def test_readings_that_show_no_known_call_or_contradict_each_other_need_a_review(view: View) -> None:
    assert read(*((graces, view) for graces in range(5))) == [Verdict.OPEN] * 4 + [Verdict.REVIEW]


@pytest.mark.parametrize("place", range(3))
def test_after_one_contradiction_nothing_is_proved_any_more(place: int) -> None:
    views = [CANARY, CANARY, CANARY]
    views[place] = CONTRADICTS
    times = (0.0, 0.5, 1.0)
    verdicts = read(*zip(times, views, strict=True), (2, CANARY), (3, CANARY), (4, CANARY))
    assert Verdict.ABSENT not in verdicts
    assert verdicts[-1] is Verdict.REVIEW


@pytest.mark.parametrize("rows", [0, 4])
def test_a_list_that_shrinks_contradicts_itself(rows: int) -> None:
    assert Verdict.ABSENT not in read((0, CANARY), (1, replace(CANARY, rows=rows)), (2, CANARY))


def test_a_list_that_grows_does_not() -> None:
    assert read((0, CANARY), (1, replace(CANARY, rows=6)))[-1] is Verdict.ABSENT


def test_readings_that_prove_nothing_may_lie_between_those_that_do() -> None:
    assert read((0, BLIND), (1, CANARY), (2, BLIND), (3, CANARY))[-1] is Verdict.ABSENT


def test_a_list_that_only_sometimes_shows_every_call_is_not_looked_at_for_ever() -> None:
    views = [(float(graces), WHOLE if graces in (1, 5) else BLIND) for graces in range(14)]
    assert read(*views)[-1] is Verdict.REVIEW


def test_a_review_leaves_the_list_some_seconds_however_short_the_grace_is() -> None:
    evidence = NO_EVIDENCE
    for _ in range(9):
        evidence, verdict = weigh(evidence, replace(BLIND, read_at=1000.0), 0.0)
        assert verdict is Verdict.OPEN
    _, verdict = weigh(evidence, replace(BLIND, read_at=1000.0 + LEAST_SECONDS), 0.0)
    assert verdict is Verdict.REVIEW


def test_the_ledger_has_a_column_for_each_part_of_the_evidence() -> None:
    assert Evidence.__dataclass_fields__.keys() <= set(attempts.c.keys())
    assert evidence_of(NO_EVIDENCE) == NO_EVIDENCE
