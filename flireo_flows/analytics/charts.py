"""Counts -> geometry. The template draws it; nothing here is markup, so nothing here needs escaping.

Horizontal measures are in percent of the drawing's width and vertical ones in pixels: a drawing then fits
any width while its letters keep their size.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

PLOT_HEIGHT: Final = 150  # pixels, of the histogram's tallest bar
MOST_BINS: Final = 12
BIN_SECONDS: Final = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a horizontal bar chart.

    Attributes:
        label: What is counted.
        count: How many.
        share: Of all that is counted in this chart, 0 to 1.
        width: Percent of the room for bars.
    """

    label: str
    count: int
    share: float
    width: float


@dataclass(frozen=True, slots=True)
class FunnelStage:
    """One stage of a funnel.

    Attributes:
        label: Who is counted.
        count: How many.
        share_of_previous: 0 to 1; None for the first stage, and after an empty one.
        width: Percent of the room for the funnel.
        next_width: Where the slope to the next stage arrives, likewise; None for the last stage.
    """

    label: str
    count: int
    share_of_previous: float | None
    width: float
    next_width: float | None


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of a histogram.

    Attributes:
        label: The range in words, such as `1:00 to 1:30`.
        tick: What stands under its left edge; empty to leave it bare.
        count: How many.
        x: Left edge, percent of the width.
        width: Percent of the width.
        height: Pixels.
    """

    label: str
    tick: str
    count: int
    x: float
    width: float
    height: float


def bars(counts: Iterable[tuple[str, int]], out_of: int | None = None) -> list[Bar]:
    """A bar a count. The longest fills the room, or with `out_of` all bars are shares of that."""
    pairs = list(counts)
    total = out_of or sum(count for _, count in pairs)
    full = out_of or max((count for _, count in pairs), default=0)
    return [Bar(label, count, ratio(count, total), 100 * ratio(count, full)) for label, count in pairs]


def funnel(stages: Sequence[tuple[str, int]]) -> list[FunnelStage]:
    """Stages of which each is a part of the one before, as wide as their share of the first."""
    first = stages[0][1]
    widths = [100 * ratio(count, first) for _, count in stages]
    previous = [None, *(count for _, count in stages[:-1])]
    return [
        FunnelStage(label, count, ratio(count, before) if before else None, width, next_width)
        for (label, count), before, width, next_width in zip(
            stages, previous, widths, [*widths[1:], None], strict=True
        )
    ]


def histogram(seconds: Sequence[int]) -> list[Bin]:
    """Lengths of calls in bins of one width; the longest twentieth may share an open last bin."""
    if not seconds:
        return []
    ordered = sorted(seconds)
    usual = max(1, ordered[math.ceil(0.95 * len(ordered)) - 1])
    size = next((size for size in BIN_SECONDS if usual < size * MOST_BINS), math.ceil(usual / 11))
    closed = usual // size + 1
    counts = [0] * (closed + (ordered[-1] >= closed * size))
    for length in ordered:
        counts[min(max(length, 0) // size, len(counts) - 1)] += 1
    return _bins(counts, size, closed)


def _bins(counts: Sequence[int], size: int, closed: int) -> list[Bin]:
    width, tallest = 100 / len(counts), max(counts)
    return [
        Bin(
            label=f"{clock(n * size)} to {clock((n + 1) * size)}"
            if n < closed
            else f"{clock(n * size)} and more",
            tick=_tick(n, size, closed, len(counts)),
            count=count,
            x=n * width,
            width=width,
            height=PLOT_HEIGHT * count / tallest,
        )
        for n, count in enumerate(counts)
    ]


def _tick(number: int, size: int, closed: int, bins: int) -> str:
    every = math.ceil(bins / 6)  # more ticks than six run into each other on a narrow screen
    if number == closed:
        return f"{clock(number * size)}+"
    beside_the_last = closed < bins and number == closed - 1 and every > 1
    return "" if number % every or beside_the_last else clock(number * size)


def clock(seconds: int) -> str:
    """Seconds as `m:ss`."""
    return f"{seconds // 60}:{seconds % 60:02d}"


def ratio(part: int, whole: int) -> float:
    """0 to 1; 0 when there is no whole."""
    return part / whole if whole else 0.0
