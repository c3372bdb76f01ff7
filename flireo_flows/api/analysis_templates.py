"""Analysis templates: what to extract from calls, kept for later agents. Contract section 15.3."""

from pydantic import AwareDatetime, Field

from flireo_flows.api.fields import Id, optional
from flireo_flows.api.model import ApiModel, Configuration, Json, JsonObject, read_done, read_list, unwrap
from flireo_flows.api.operation import Sends, operation


class AnalysisTemplate(ApiModel):
    """An analysis template. Fields not named here are kept in `model_extra`."""

    id: Id
    org_id: str | None = None
    name: str = ""
    description: str | None = None
    system_prompt: str | None = None
    user_prompt: str | None = None
    data_schema: JsonObject | None = Field(default=None, alias="schema")
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None


class AnalysisTemplateChanges(Configuration):
    """What may be changed about an analysis template; only what is set is sent, None clears."""

    name: str = Field(default="", description="Display name, not empty.")
    description: str | None = optional("For people; None: none.")
    system_prompt: str = Field(default="", description="Instructions to the model.")
    user_prompt: str = Field(
        default="", description="Prompt; `{{transcript}}` (later `{transcript}`) is filled in."
    )
    data_schema: JsonObject = Field(
        default={},
        alias="schema",
        description="JSON Schema of the data to extract.",
    )


class NewAnalysisTemplate(AnalysisTemplateChanges):
    """An analysis template to be made."""

    name: str = Field(min_length=1, description="Display name.")
    data_schema: JsonObject = Field(
        alias="schema",
        description="JSON Schema of the data to extract.",
    )


def read_analysis_template(answer: Json) -> AnalysisTemplate:
    """An analysis template in its envelope, in either spelling, or bare."""
    return AnalysisTemplate.model_validate(unwrap(answer, "analysisTemplate", "analysis_template"))


def read_analysis_templates(answer: Json) -> list[AnalysisTemplate]:
    """The list of analysis templates in its envelope, in either spelling, or bare."""
    found = read_list(answer, "analysisTemplates", "analysis_templates")
    return [read_analysis_template(item) for item in found]


@operation("GET", "/analysis-templates", read_analysis_templates)
def list_analysis_templates() -> Sends:
    """List all analysis templates of the organization.

    Returns:
        Every template, in one answer.

    Source: contract section 15.3.
    """
    return Sends()


@operation("POST", "/analysis-templates", read_analysis_template)
def create_analysis_template(template: NewAnalysisTemplate) -> Sends:
    """Create an analysis template.

    Args:
        template: Its name, its JSON Schema, and perhaps its prompts. Later servers want both prompts.

    Returns:
        The template, with its id.

    Raises:
        InvalidInput: The name is empty, or the schema is no object; nothing was sent.
        BadRequest: A field is not valid; the error names it.

    Source: contract section 15.3.
    """
    return Sends(writes=template.as_body)


@operation("GET", "/analysis-templates/{id}", read_analysis_template)
def get_analysis_template(template_id: Id) -> Sends:
    """Read one analysis template.

    Args:
        template_id: Id of the template.

    Raises:
        NotFound: The organization has no such template.

    Source: contract section 15.3.
    """
    return Sends(values={"id": template_id})


@operation("PATCH", "/analysis-templates/{id}", read_analysis_template)
def update_analysis_template(template_id: Id, changes: AnalysisTemplateChanges) -> Sends:
    """Change some fields of an analysis template. Agents keep the copies they have.

    Args:
        template_id: Id of the template.
        changes: The fields to change.

    Returns:
        The template as it is now.

    Raises:
        InvalidInput: A field has the wrong type; nothing was sent.
        NotFound: The organization has no such template.
        BadRequest: A field is not valid; the error names it.

    Source: contract section 15.3.
    """
    return Sends(values={"id": template_id}, writes=changes.as_body)


@operation("DELETE", "/analysis-templates/{id}", read_done)
def delete_analysis_template(template_id: Id) -> Sends:
    """Delete an analysis template. Agents keep the copies they have.

    Args:
        template_id: Id of the template.

    Returns:
        True when it is gone.

    Raises:
        NotFound: The organization has no such template.

    Source: contract section 15.3.
    """
    return Sends(values={"id": template_id})
