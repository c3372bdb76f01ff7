"""What calls have cost, in minutes and perhaps money. Contract section 11."""

from datetime import datetime

from pydantic import AliasChoices, AwareDatetime, BaseModel, Field

from flireo_flows.api.fields import Id, iso
from flireo_flows.api.model import Json, Page, VariedModel, read_list, read_total
from flireo_flows.api.operation import Sends, operation


class UsageLog(VariedModel):
    """What one call used. Three variants are documented, so all but the id may be missing.

    `cost` is in EUR, as the server reports it: never compute money from minutes (contract section 16).
    """

    id: Id
    call_id: str | None = None
    duration_seconds: float | None = Field(
        default=None, validation_alias=AliasChoices("duration_seconds", "duration_sec")
    )
    minutes_used: float | None = None
    cost: float | None = None
    number_id: str | None = None
    phone_number: str | None = None
    agent_name: str | None = Field(
        default=None, validation_alias=AliasChoices("agent_name", "assistant_name")
    )
    business_name: str | None = None
    call_type: str | None = None  # `phone` or `web`, on later servers
    created_at: AwareDatetime | None = None


class UsageSummary(VariedModel):
    """Sums over everything that was asked for, not only the page. Each may be missing."""

    total_calls: int | None = None
    total_seconds: float | None = Field(
        default=None, validation_alias=AliasChoices("total_seconds", "total_duration_seconds")
    )
    total_minutes: float | None = Field(
        default=None, validation_alias=AliasChoices("total_minutes", "total_duration_minutes")
    )
    total_cost: float | None = None


class UsagePage(BaseModel, Page, frozen=True):
    """One page of `GET /usage`, newest first.

    Attributes:
        logs: The page's records.
        summary: Sums; empty when the server gives none.
        total: All matching records; None when the server does not report it.
    """

    logs: tuple[UsageLog, ...]
    summary: UsageSummary = UsageSummary()
    total: int | None = None


def read_usage(answer: Json) -> UsagePage:
    """A page of usage: records under `logs` or `usage`; `summary` and `pagination` may be missing."""
    logs = tuple(UsageLog.model_validate(item) for item in read_list(answer, "logs", "usage"))
    sums = answer.get("summary") if isinstance(answer, dict) else None
    summary = UsageSummary.model_validate(sums if isinstance(sums, dict) else {})
    return UsagePage(logs=logs, summary=summary, total=read_total(answer))


@operation("GET", "/usage", read_usage)
def list_usage(
    limit: int = 100, offset: int = 0, start_date: datetime | None = None, end_date: datetime | None = None
) -> Sends:
    """Read a page of usage records, newest first. `iter_usage` reads all of them.

    Args:
        limit: Records a page, 1 to 1000.
        offset: Records to skip.
        start_date: Only records made at or after this time.
        end_date: Only records made at or before this time.

    Source: contract sections 4 and 11.
    """
    query = {
        "limit": limit,
        "offset": offset,
        "start_date": iso(start_date) if start_date else None,
        "end_date": iso(end_date) if end_date else None,
    }
    return Sends(query=query)
