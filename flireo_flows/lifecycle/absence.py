"""When readings of the call list prove that an attempt's call was not placed. Pure.

A reading counts only if it is complete and shows every known call of its window, with number and direction. Then

- two such readings, a grace apart, that also show a call placed after the attempt was given up (a canary): absent;
- four of them over four times the grace, where there is no later call: absent;
- readings without any known call, or that contradict each other, prove nothing: a person decides.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

READINGS: Final = 4  # that agree, where no later call stands in them
GRACES: Final = 4  # over so many times the grace
MOST_GRACES: Final = 12  # how long readings are looked at where some of them prove and others do not
LEAST_SECONDS: Final = 30.0  # how long readings are looked at in any case: calls are listed some seconds late


class Verdict(StrEnum):
    """What follows from the readings so far."""

    OPEN = "open"  # read again
    ABSENT = "absent"  # the call was not placed
    REVIEW = "review"  # the list cannot show it


@dataclass(frozen=True, slots=True)
class View:
    """What one reading shows about an attempt whose call is not in it.

    Attributes:
        read_at: When the reading began, Unix seconds.
        is_whole: The list was read to its end, every known call of the window stands in it, and one does at least.
        contradicts: A known call that an earlier reading showed is missing.
        canary_id: Attempt of a call in it that was placed after this one was given up; None for none.
        rows: How many calls it has since the attempt; None where it may be behind.
        may_become_whole: A known call that it lacks is still to be asked for by its id, which may be another call's.
    """

    read_at: float
    is_whole: bool
    contradicts: bool
    canary_id: int | None
    rows: int | None
    may_become_whole: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What all readings without the attempt's call showed; the columns of the ledger have the same names."""

    readings: int = 0
    absent_since: float | None = None
    read_at: float | None = None
    proofs: int = 0
    proof_since: float | None = None
    proof_at: float | None = None
    canary_since: float | None = None
    canary_id: int | None = None
    rows_read: int = 0
    contradicted_at: float | None = None


NO_EVIDENCE: Final = Evidence()


def weigh(before: Evidence, view: View, grace: float) -> tuple[Evidence, Verdict]:
    """Add a reading.

    Args:
        before: What earlier readings showed.
        view: What this one shows.
        grace: Seconds that must lie between readings that prove something.
    """
    evidence = _seen(before, view)
    verdict = Verdict.OPEN
    if view.is_whole and evidence.contradicted_at is None:
        evidence, verdict = _proven(evidence, view, grace)
    if verdict is Verdict.OPEN and not view.may_become_whole and _is_hopeless(evidence, grace):
        verdict = Verdict.REVIEW
    return evidence, verdict


def _seen(before: Evidence, view: View) -> Evidence:
    contradicted = before.contradicted_at
    rows = before.rows_read if view.rows is None else view.rows
    if contradicted is None and (view.contradicts or rows < before.rows_read):
        contradicted = view.read_at
    return replace(
        before,
        readings=before.readings + 1,
        absent_since=view.read_at if before.absent_since is None else before.absent_since,
        read_at=view.read_at,
        rows_read=max(before.rows_read, rows),
        contradicted_at=contradicted,
    )


def _proven(evidence: Evidence, view: View, grace: float) -> tuple[Evidence, Verdict]:
    if evidence.proof_at is None or view.read_at >= evidence.proof_at + grace:
        since = view.read_at if evidence.proof_since is None else evidence.proof_since
        evidence = replace(evidence, proofs=evidence.proofs + 1, proof_since=since, proof_at=view.read_at)
    if view.canary_id is not None:
        if evidence.canary_since is not None and view.read_at >= evidence.canary_since + grace:
            return evidence, Verdict.ABSENT
        if evidence.canary_since is None:
            evidence = replace(evidence, canary_since=view.read_at, canary_id=view.canary_id)
    is_long = view.read_at >= (evidence.proof_since or 0.0) + GRACES * grace
    return evidence, Verdict.ABSENT if evidence.proofs >= READINGS and is_long else Verdict.OPEN


def _is_hopeless(evidence: Evidence, grace: float) -> bool:
    """Whether the list had its time, and cannot show it."""
    graces = GRACES if evidence.contradicted_at is not None or not evidence.proofs else MOST_GRACES
    if evidence.readings < READINGS or evidence.absent_since is None or evidence.read_at is None:
        return False
    return evidence.read_at >= evidence.absent_since + max(graces * grace, LEAST_SECONDS)


def evidence_of(row: Any) -> Evidence:
    """What stands in an attempt's row."""
    return Evidence(**{name: getattr(row, name) for name in Evidence.__dataclass_fields__})
