"""What a benchmark comes to: ratios, each with the bound it must keep."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured ratio and its bound.

    Attributes:
        at_most: Whether the bound is the most it may be; else it is the least.
        note: What else to know about it.
    """

    what: str
    value: float
    bound: float
    at_most: bool
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether the bound is kept."""
        return self.value <= self.bound if self.at_most else self.value >= self.bound

    def __str__(self) -> str:
        sign = "<=" if self.at_most else ">="
        verdict = "ok" if self.holds else "MISSED"
        return f"{self.what:<58} {self.value:7.3f} {sign} {self.bound:<5g} {verdict:<7}{self.note}"


def middle(values: Sequence[float]) -> float:
    """The median: one round that the machine disturbed does not count."""
    return statistics.median(values)
