"""The organization a key belongs to, and its balance. Contract section 16."""

from pydantic import AliasChoices, Field

from flireo_flows.api.model import ApiModel, Json, unwrap
from flireo_flows.api.operation import Sends, operation


class Organization(ApiModel):
    """The account. Every field but the id may be missing; sources disagree (contract section 21)."""

    id: str = ""
    name: str | None = Field(default=None, validation_alias=AliasChoices("name", "company_name"))
    minutes_balance: float | None = None
    monthly_usage_minutes: float | None = None
    active_numbers: int | None = None
    active_agents: int | None = None
    active_calls: int | None = None


def read_organization(answer: Json) -> Organization:
    """The organization: bare as documented, or in an envelope."""
    return Organization.model_validate(unwrap(answer, "organization", "account"))


@operation("GET", "/account", read_organization)
def get_organization() -> Sends:
    """Read the organization of the API key, with its balance in prepaid minutes.

    Returns:
        The organization. `minutes_balance` may be fractional.

    Source: contract section 16.
    """
    return Sends()
