"""Tool templates: tools kept for later agents, which get copies of them. Contract section 7."""

from typing import Final

from pydantic import AwareDatetime, Field

from flireo_flows.api.fields import Id, ToolKind, optional
from flireo_flows.api.model import READING, ApiBody, ApiModel, Json, read_done, read_list, unwrap
from flireo_flows.api.operation import Sends, operation
from flireo_flows.api.tools import PlainConfig, ToolConfig

NOTHING: Final = PlainConfig()


class ToolTemplate(ApiModel):
    """A tool template. Fields not named here are kept in `model_extra`."""

    id: Id
    org_id: str | None = None
    name: str = ""
    description: str | None = None
    tool_type: ToolKind = ""  # `function`, `endCall`, `transferCall`; open, and read in either spelling
    tool_config: ToolConfig | None = None
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None


class ToolTemplateChanges(ApiBody):
    """What may be changed about a tool template; only what is set is sent, None clears."""

    name: str = Field(default="", description="Display name, not empty.")
    description: str | None = optional("For people; None: none.")
    tool_type: ToolKind = Field(default="", description="`function`, `endCall` or `transferCall`.")
    tool_config: ToolConfig = Field(
        default=NOTHING, description="Settings of the tool, by its type; replaces all of them."
    )


class NewToolTemplate(ToolTemplateChanges):
    """A tool template to be made.

    Example:
        ```python
        NewToolTemplate(
            name="Look up tenant",
            tool_type="function",
            tool_config=FunctionConfig(name="find", description="Find a tenant", parameters={"type": "object"}),
        )
        ```
    """

    name: str = Field(min_length=1, description="Display name.")
    tool_type: ToolKind = Field(
        description="`function`, `endCall` or `transferCall`, written as the dialect has it."
    )
    tool_config: ToolConfig = Field(
        description="`FunctionConfig`, `TransferConfig`, or `PlainConfig` with no settings to end the call."
    )


def read_tool_template(answer: Json) -> ToolTemplate:
    """A tool template in its envelope, in either spelling, or bare."""
    found = unwrap(answer, "toolTemplate", "tool_template")
    return ToolTemplate.model_validate(found, context=READING)


def read_tool_templates(answer: Json) -> list[ToolTemplate]:
    """The list of tool templates in its envelope, in either spelling, or bare."""
    return [read_tool_template(item) for item in read_list(answer, "toolTemplates", "tool_templates")]


@operation("GET", "/tool-templates", read_tool_templates)
def list_tool_templates() -> Sends:
    """List all tool templates of the organization.

    Returns:
        Every template, in one answer.

    Source: contract section 7.
    """
    return Sends()


@operation("POST", "/tool-templates", read_tool_template)
def create_tool_template(template: NewToolTemplate) -> Sends:
    """Create a tool template.

    Args:
        template: Its name, type and settings.

    Returns:
        The template, with its id.

    Raises:
        InvalidInput: The settings are not those of the type; nothing was sent.
        BadRequest: A field is not valid; the error names it.

    Source: contract section 7.
    """
    return Sends(writes=template.as_body)


@operation("GET", "/tool-templates/{id}", read_tool_template)
def get_tool_template(template_id: Id) -> Sends:
    """Read one tool template.

    Args:
        template_id: Id of the template.

    Raises:
        NotFound: The organization has no such template.

    Source: contract section 7.
    """
    return Sends(values={"id": template_id})


@operation("PATCH", "/tool-templates/{id}", read_tool_template)
def update_tool_template(template_id: Id, changes: ToolTemplateChanges) -> Sends:
    """Change some fields of a tool template. Agents keep the copies they have.

    Args:
        template_id: Id of the template.
        changes: The fields to change; `tool_config` replaces all settings, not some.

    Returns:
        The template as it is now.

    Raises:
        InvalidInput: The settings are not those of the type; nothing was sent.
        NotFound: The organization has no such template.
        BadRequest: A field is not valid; the error names it.

    Source: contract section 7.
    """
    return Sends(values={"id": template_id}, writes=changes.as_body)


@operation("DELETE", "/tool-templates/{id}", read_done)
def delete_tool_template(template_id: Id) -> Sends:
    """Delete a tool template. Agents keep the copies they have.

    Args:
        template_id: Id of the template.

    Returns:
        True when it is gone.

    Raises:
        NotFound: The organization has no such template.

    Source: contract section 7.
    """
    return Sends(values={"id": template_id})
