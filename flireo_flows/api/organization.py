"""The organization a key belongs to, and its balance. Contract section 16."""

from typing import Final

from pydantic import AliasChoices, AwareDatetime, Field

from flireo_flows.api.model import AnswerFormatError, Json, VariedModel, unwrap
from flireo_flows.api.operation import Sends, operation


class Organization(VariedModel):
    """The account. Every field may be missing; sources disagree (contract section 21).

    Attributes:
        minutes_balance: Prepaid minutes left, may be fractional; below zero is possible.
        monthly_usage_minutes: Since the 1st of the month, 00:00 UTC.
        active_calls: Running now, in both directions.
        credits_balance: On some servers, withdrawn later; so are `plan` and `created_at`.
        children: Organizations below this one, where the server returns them.
    """

    id: str = ""
    name: str | None = Field(default=None, validation_alias=AliasChoices("name", "company_name"))
    email: str | None = None
    minutes_balance: float | None = None
    monthly_usage_minutes: float | None = None
    active_numbers: int | None = None
    active_agents: int | None = None
    active_calls: int | None = None
    has_local_models_access: bool | None = None
    parent_org_id: str | None = None
    children: tuple["Organization", ...] = ()
    credits_balance: float | None = None
    plan: str | None = None
    created_at: AwareDatetime | None = None


NAMES: Final = frozenset({*Organization.model_fields, "company_name"} - {"id"})


def read_organization(answer: Json) -> Organization:
    """The organization: bare as documented, or in an envelope."""
    found = unwrap(answer, "organization", "account")
    organization = Organization.model_validate(found)
    if not organization.id and NAMES.isdisjoint(found):
        raise AnswerFormatError("the answer says nothing of the organization")
    return organization


@operation("GET", "/account", read_organization)
def get_organization() -> Sends:
    """Read the organization of the API key, with its balance in prepaid minutes.

    Returns:
        The organization. `minutes_balance` may be fractional.

    Source: contract section 16.
    """
    return Sends()
