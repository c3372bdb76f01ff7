"""What answers that are lists have in common (contract sections 4 and 21.1)."""

from typing import Final

from flireo_flows.api.model import Json

TOTALS: Final = ("total", "count", "total_count", "totalCount")
AROUND: Final = ("pagination", "paging", "page", "meta")  # objects that a total may stand in


class Page:
    """Part of a list, as an operation's result."""

    __slots__ = ()

    @property
    def size(self) -> int:
        """How many rows it has."""
        raise NotImplementedError


def is_empty(result: object) -> bool:
    """Whether an operation's result is a list without rows, or a page of one."""
    if isinstance(result, Page):
        return result.size == 0
    return isinstance(result, list | tuple) and not result


def promised(answer: Json) -> bool:
    """Whether an answer says anywhere that there are rows.

    More spellings than the documented `pagination.total` count here, since they only cast doubt on an empty list.
    """
    if not isinstance(answer, dict):
        return False
    said = [answer, *(answer[key] for key in AROUND if isinstance(answer.get(key), dict))]
    return any(_is_above_zero(place.get(name)) for place in said for name in TOTALS)


def _is_above_zero(value: Json) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        return value.strip().isdecimal() and int(value) > 0
    return isinstance(value, int | float) and value > 0


def read_total(answer: Json) -> int | None:
    """`pagination.total`; None when the server does not say."""
    paging = answer.get("pagination") if isinstance(answer, dict) else None
    total = paging.get("total") if isinstance(paging, dict) else None
    return total if isinstance(total, int) and not isinstance(total, bool) else None
