"""Random choices that can be repeated: the same seed and the same question give the same answer.

Asked by name instead of drawn from a stream, so an answer does not depend on what was asked before it,
or on the order in which concurrent requests arrive.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SeededRandom:
    """Attributes:
    seed: All answers follow from it.
    """

    seed: int

    def roll(self, *question: object) -> float:
        """A number in [0, 1), evenly spread over questions."""
        text = "\x1f".join(map(str, (self.seed, *question)))
        return int.from_bytes(blake2b(text.encode(), digest_size=7).digest()) / 2**56

    def between(self, low: float, high: float, *question: object) -> float:
        """A number from `low` up to `high`."""
        return low + (high - low) * self.roll(*question)

    def pick(self, choices: Sequence[T], *question: object) -> T:
        """One of the choices, each as likely as the others."""
        return choices[int(self.roll(*question) * len(choices))]

    def weighted(self, weights: Mapping[T, float], *question: object) -> T:
        """One of the keys, as likely as its weight is large. The weights need not add up to 1."""
        mark = self.roll(*question) * sum(weights.values())
        sums = zip(weights, accumulate(weights.values()), strict=True)
        return next((choice for choice, upper in sums if mark < upper), next(iter(weights)))
