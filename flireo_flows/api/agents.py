"""Agents: who speaks on the phone. Contract section 6."""

from typing import Any

from pydantic import AliasChoices, AwareDatetime, Field

from flireo_flows.api.model import ApiModel, Json, JsonObject, read_done, unwrap
from flireo_flows.api.operation import Sends, always, operation


class StructuredDataPlan(ApiModel):
    """What to extract from a call (contract section 15.1)."""

    enabled: bool = False
    data_schema: JsonObject | None = Field(default=None, alias="schema")


class AnalysisPlan(ApiModel):
    """How a call is analysed after its end; both key cases are read (contract section 15.1)."""

    structured_data_plan: StructuredDataPlan | None = Field(
        default=None, validation_alias=AliasChoices("structured_data_plan", "structuredDataPlan")
    )
    min_messages_threshold: int = Field(
        default=2, validation_alias=AliasChoices("min_messages_threshold", "minMessagesThreshold")
    )

    @property
    def is_on(self) -> bool:
        """Whether calls get an analysis at all."""
        return self.structured_data_plan is not None and self.structured_data_plan.enabled


class Agent(ApiModel):
    """A saved voice agent. Fields not named here are kept in `model_extra`."""

    id: str
    name: str = ""
    is_active: bool = True
    first_message: str | None = None
    max_duration_seconds: int | None = None
    voicemail_detection: bool | None = None
    gdpr_mode: bool | None = None
    webhook_url: str | None = None
    webhook_secret: str | None = Field(default=None, repr=False)
    webhook_events: tuple[str, ...] | None = None
    analysis_plan: AnalysisPlan | None = None
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None


def read_agent(answer: Json) -> Agent:
    """An agent in its envelope, in either dialect, or bare."""
    return Agent.model_validate(unwrap(answer, "agent", "assistant"))


def read_agents(answer: Json) -> list[Agent]:
    """The list of agents in its envelope, in either dialect."""
    return [Agent.model_validate(item) for item in unwrap(answer, "agents", "assistants")]


@operation("GET", "/agents", read_agents)
def list_agents() -> Sends:
    """List all agents of the organization.

    Returns:
        Every agent, in one answer.

    Source: contract section 6.
    """
    return Sends()


@operation("POST", "/agents", read_agent)
def create_agent(name: str, settings: dict[str, Any] | None = None) -> Sends:
    """Create an agent. The server fills in what is left out.

    Args:
        name: Display name.
        settings: Further fields of an agent by the API's names, such as `first_message` or `llm_config`.

    Returns:
        The agent, with its id.

    Raises:
        BadRequest: A field is not valid; the error names it.

    Source: contract section 6.
    """
    body = {**(settings or {}), "name": name}
    return Sends(writes=always(body))


@operation("GET", "/agents/{id}", read_agent)
def get_agent(agent_id: str) -> Sends:
    """Read one agent.

    Args:
        agent_id: Id of the agent.

    Raises:
        NotFound: The organization has no such agent.

    Source: contract section 6.
    """
    return Sends(values={"id": agent_id})


@operation("PATCH", "/agents/{id}", read_agent)
def update_agent(agent_id: str, changes: dict[str, Any]) -> Sends:
    """Change some fields of an agent.

    Args:
        agent_id: Id of the agent.
        changes: The fields to change by the API's names; None clears a field.

    Returns:
        The agent as it is now.

    Raises:
        NotFound: The organization has no such agent.
        BadRequest: A field is not valid; the error names it.

    Source: contract sections 0.3 and 6.
    """
    return Sends(values={"id": agent_id}, writes=always(changes))


@operation("DELETE", "/agents/{id}", read_done)
def delete_agent(agent_id: str) -> Sends:
    """Delete an agent.

    Args:
        agent_id: Id of the agent.

    Returns:
        True when it is gone.

    Raises:
        NotFound: The organization has no such agent.

    Source: contract section 5, row 5.
    """
    return Sends(values={"id": agent_id})
