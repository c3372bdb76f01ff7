"""What several sources allow, joined: a call waits until it is calling time in every zone that is left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# Six hours between two looks: zones that change on one night at another hour differ too, such as Havana and New York.
_BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
_LOOKS: Final = tuple(_BEGIN + timedelta(hours=6 * n) for n in range(4 * 365 * 5))


@dataclass(frozen=True, slots=True)
class ZoneEvidence:
    """The zones that one source allows: `column`, `postcode`, `state`, `country` or `number`."""

    source: str
    zones: tuple[str, ...]


def combined(number: Sequence[str], row: Sequence[ZoneEvidence]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The zones a person may be in, and the source of each.

    Evidence that shares a clock with the number narrows its zones. Evidence that shares none contradicts it, and its
    zones are added. Pieces of evidence narrow each other in the same way.

    Args:
        number: Every zone of the number; empty when none is known.
        row: What the row says, the most exact source first.
    """
    known = [evidence for evidence in row if evidence.zones]
    if not number:
        return _split(_narrowed(known))
    clocks = {clock_of(zone) for zone in number}
    inside = [evidence for evidence in known if clocks & {clock_of(zone) for zone in evidence.zones}]
    outside = [evidence for evidence in known if evidence not in inside]
    kept = [
        ZoneEvidence(it.source, tuple(zone for zone in it.zones if clock_of(zone) in clocks)) for it in inside
    ] or [ZoneEvidence("number", tuple(number))]
    return _split(_narrowed(kept) + _narrowed(outside))


def _narrowed(known: Sequence[ZoneEvidence]) -> list[tuple[str, str]]:
    """The zones that all pieces allow, as the first of them names them; all of them where they share none."""
    if not known:
        return []
    shared = set.intersection(*({clock_of(zone) for zone in it.zones} for it in known))
    if shared:
        return [(zone, known[0].source) for zone in known[0].zones if clock_of(zone) in shared]
    return [(zone, it.source) for it in known for zone in it.zones]


def _split(pairs: Sequence[tuple[str, str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    first = dict(reversed(pairs))  # of a zone named twice the first source counts
    zones = tuple(dict.fromkeys(zone for zone, _ in pairs))
    return zones, tuple(first[zone] for zone in zones)


@lru_cache(maxsize=1024)
def clock_of(zone: str) -> str:
    """A value that two zones share if their clocks show the same at all times from 2026 to 2030."""
    try:
        info = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return zone
    offsets = (look.astimezone(info).utcoffset() or timedelta() for look in _LOOKS)
    return sha256(",".join(f"{offset.total_seconds():.0f}" for offset in offsets).encode()).hexdigest()
