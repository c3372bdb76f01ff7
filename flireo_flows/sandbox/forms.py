"""Request bodies: JSON objects whose known fields have the right type; unknown ones are kept.

What pydantic finds wrong becomes the reference's error, naming the field.
"""

import json
from typing import Annotated, Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flireo_flows.sandbox.errors import Refusal, invalid, missing
from flireo_flows.sandbox.settings import E164
from flireo_flows.sandbox.store import Record

F = TypeVar("F", bound="Form")


class Form(BaseModel):
    """Fields of a request body, all optional here; what was not sent is not in the result."""

    model_config = ConfigDict(extra="allow", strict=True)


class AgentForm(Form):
    """What an agent may be given, saved or inline. Source: contract, sections 6 and 9.3."""

    name: Annotated[str, Field(min_length=1)] = ""
    business_name: str | None = None
    notification_email: str | None = None
    first_message: str | None = None
    is_active: bool = True
    max_duration_seconds: Annotated[int, Field(ge=1)] | None = None
    autonomous_silence_handling: bool = True
    silence_timeout_seconds: Annotated[int, Field(ge=1)] = 8
    voicemail_detection: bool | None = None
    voicemail_message: str | None = None
    gdpr_mode: bool = False
    webhook_url: str | None = None
    webhook_secret: str | None = None
    webhook_events: list[str] | None = None
    analysis_plan: dict[str, Any] | None = None
    stt_config: dict[str, Any] | None = None
    llm_config: dict[str, Any] | None = None
    tts_config: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class NewAgentForm(AgentForm):
    """An agent to save."""

    name: Annotated[str, Field(min_length=1)]


class NumberForm(Form):
    """What a number may be given."""

    phone_number: Annotated[str, Field(pattern=E164)] = ""
    name: str | None = None
    agent_id: str | None = None
    transfer_trunk_id: str | None = None
    is_active: bool = True


async def body_of(request: Request) -> Record:
    """The JSON object of a request.

    Raises:
        Refusal: 400, it is not one.
    """
    try:
        body = json.loads(await request.body(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Refusal(400, "invalid_request", "The body is not valid JSON") from None
    if not isinstance(body, dict):
        raise Refusal(400, "invalid_request", "The body must be a JSON object")
    return body


def _refuse_constant(name: str) -> None:
    """Python reads NaN and Infinity, which are not JSON."""
    raise ValueError(name)


def read_form(form: type[F], body: Record, under: str = "") -> Record:
    """The fields of a body that were sent, checked.

    Args:
        form: What the body should be.
        body: As sent.
        under: Field that holds the body, for error messages.

    Raises:
        Refusal: 400 for the first field that is missing or wrong.
    """
    try:
        return form.model_validate(body).model_dump(exclude_unset=True)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(map(str, (under, *problem["loc"]) if under else problem["loc"]))
    raise (
        missing(field) if problem["type"] == "missing" else invalid(field, f"is not valid: {problem['msg']}")
    )
