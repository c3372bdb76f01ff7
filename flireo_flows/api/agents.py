"""Agents: who speaks on the phone. Contract section 6."""

from typing import Annotated, Final

from pydantic import AwareDatetime, Field

from flireo_flows.api.agent_config import AgentSettings, AnalysisPlan, LLMConfig, STTConfig, TTSConfig
from flireo_flows.api.fields import Id, Secret
from flireo_flows.api.model import READING, ApiModel, Json, read_done, read_list, unwrap
from flireo_flows.api.operation import Sends, operation

NO_SETTINGS: Final = AgentSettings()


class Agent(ApiModel):
    """A saved voice agent. Fields not named here are kept in `model_extra`."""

    id: Id
    name: str = ""
    business_name: str | None = None
    notification_email: str | None = None
    first_message: str | None = None
    is_active: bool = True
    max_duration_seconds: int | None = None
    autonomous_silence_handling: bool | None = None
    silence_timeout_seconds: int | None = None
    voicemail_detection: bool | None = None
    voicemail_message: str | None = None
    gdpr_mode: bool | None = None
    webhook_url: str | None = None
    webhook_secret: Secret | None = None
    webhook_events: tuple[str, ...] | None = None
    analysis_plan: AnalysisPlan | None = None
    stt_config: STTConfig | None = None
    llm_config: LLMConfig | None = None
    tts_config: TTSConfig | None = None
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None


def read_agent(answer: Json) -> Agent:
    """An agent in its envelope, in either dialect, or bare."""
    return Agent.model_validate(unwrap(answer, "agent", "assistant"), context=READING)


def read_agents(answer: Json) -> list[Agent]:
    """The list of agents in its envelope, in either dialect."""
    return [read_agent(item) for item in read_list(answer, "agents", "assistants")]


@operation("GET", "/agents", read_agents)
def list_agents() -> Sends:
    """List all agents of the organization.

    Returns:
        Every agent, in one answer.

    Source: contract section 6.
    """
    return Sends()


@operation("POST", "/agents", read_agent)
def create_agent(name: Annotated[str, Field(min_length=1)], settings: AgentSettings = NO_SETTINGS) -> Sends:
    """Create an agent. The server fills in what is left out.

    Args:
        name: Display name, not empty.
        settings: Everything else about it, such as `first_message` or `llm_config`.

    Returns:
        The agent, with its id.

    Raises:
        InvalidInput: The name is empty, or a field has the wrong type; nothing was sent.
        BadRequest: A field is not valid; the error names it.

    Source: contract section 6.
    """
    return Sends(writes=lambda dialect: {**settings.as_body(dialect), "name": name})


@operation("GET", "/agents/{id}", read_agent)
def get_agent(agent_id: Id) -> Sends:
    """Read one agent.

    Args:
        agent_id: Id of the agent.

    Raises:
        NotFound: The organization has no such agent.

    Source: contract section 6.
    """
    return Sends(values={"id": agent_id})


@operation("PATCH", "/agents/{id}", read_agent)
def update_agent(agent_id: Id, changes: AgentSettings) -> Sends:
    """Change some fields of an agent.

    Args:
        agent_id: Id of the agent.
        changes: The fields to change; None clears one, what is not set stays as it is.

    Returns:
        The agent as it is now.

    Raises:
        InvalidInput: A field has the wrong type; nothing was sent.
        NotFound: The organization has no such agent.
        BadRequest: A field is not valid; the error names it.

    Source: contract sections 0.3 and 6.
    """
    return Sends(values={"id": agent_id}, writes=changes.as_body)


@operation("DELETE", "/agents/{id}", read_done)
def delete_agent(agent_id: Id) -> Sends:
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
