"""What answers that come in pages have in common (contract section 4)."""

from flireo_flows.api.model import Json


def read_total(answer: Json) -> int | None:
    """`pagination.total`; None when the server does not say."""
    paging = answer.get("pagination") if isinstance(answer, dict) else None
    total = paging.get("total") if isinstance(paging, dict) else None
    return total if isinstance(total, int) and not isinstance(total, bool) else None
