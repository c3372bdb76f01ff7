"""`make bench`: every bound of the project, measured and compared in one run. Exit status 1 if one is missed.

`make bench ARGS="pace size"` measures only what is named. On two quiet cores:

    requests  requests per finished call                              1 minute
    collect   requests per call whose end is read from the list      1 minute
    pace      dialling rate over the allowed rate, sharing a key     11 minutes
    speed     calls per second over a bare loop                       1 minute
    size      100,000 leads: time to pick the next, memory            2 minutes
    several   four runners on one PostgreSQL over one                 2 minutes
    prefect   the engine over a Prefect task per call                 3 minutes
    receiving reports stored per second over an empty route           1 minute
"""

import sys
from collections.abc import Callable, Mapping
from typing import Final

from benchmarks.collecting import collect
from benchmarks.figures import Figure
from benchmarks.in_prefect import in_prefect
from benchmarks.pace import pace
from benchmarks.receiving import receiving
from benchmarks.requests import requests
from benchmarks.several import several
from benchmarks.size import size
from benchmarks.speed import speed

MEASURES: Final[Mapping[str, Callable[[], list[Figure]]]] = {
    "requests": requests,
    "collect": collect,
    "pace": pace,
    "speed": speed,
    "size": size,
    "several": several,
    "prefect": in_prefect,
    "receiving": receiving,
}


def main(names: list[str]) -> int:
    """Measure what is named, or everything; say what holds."""
    unknown = [name for name in names if name not in MEASURES]
    if unknown:
        print(f"There is no benchmark {unknown[0]!r}; there are {', '.join(MEASURES)}.", file=sys.stderr)
        return 2
    holds = True
    for name in names or MEASURES:
        for figure in MEASURES[name]():
            print(figure, flush=True)
            holds = holds and figure.holds
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
