"""Request bodies: JSON objects whose known fields have the right type; unknown ones are kept.

What pydantic finds wrong becomes the reference's error, naming the field.
"""

import json
import math
import re
from typing import Annotated, Any, Final, Literal, TypeVar

from fastapi import Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from flireo_flows.sandbox.api_errors import ApiError, invalid, missing
from flireo_flows.sandbox.settings import E164
from flireo_flows.sandbox.store import Record

F = TypeVar("F", bound="RequestForm")


class RequestForm(BaseModel):
    """Fields of a request body, all optional here; what was not sent is not in the result."""

    model_config = ConfigDict(extra="allow", strict=True)


_E164: Final = re.compile(E164)
_PHONE_PROBLEM: Final = "phone_number"


def _phone(text: str) -> str:
    if not _E164.fullmatch(text):
        raise PydanticCustomError(_PHONE_PROBLEM, "not in E.164 format")
    return text


def _whole(value: object) -> object:
    """In JSON 5.0 is a whole number too."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]
# An absolute URI in RFC 3986's characters, and an e-mail address as people have them.
_URI: Final = (
    r"^[A-Za-z][A-Za-z0-9+.-]*:([A-Za-z0-9._~:/?#@!$&'()*+,;=-]|\[[0-9A-Fa-f:.]+\]|%[0-9A-Fa-f]{2})+$"
)
_MAILBOX: Final = r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_HOST: Final = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$"

Uri = Annotated[str, Field(pattern=_URI)]
Email = Annotated[str, Field(pattern=f"{_MAILBOX}@{_HOST}")]
Text = Annotated[str, Field(min_length=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
PhoneText = Annotated[str, AfterValidator(_phone)]


class MessageForm(RequestForm):
    """One message of a prompt."""

    role: str
    content: str


class DestinationForm(RequestForm):
    """A number that a call may be transferred to."""

    type: Literal["number"]
    number: PhoneText
    description: str
    message: str = ""


class CalleeForm(RequestForm):
    """The `function` of a nested tool."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = {}


class ServerForm(RequestForm):
    """Where a nested tool is answered."""

    url: Uri
    secret: str = ""


class ToolForm(RequestForm):
    """A tool of an agent, in any of its three documented shapes."""

    type: str = ""
    name: str = ""
    description: str = ""
    url: Uri = ""
    parameters: dict[str, Any] = {}
    is_async: Annotated[bool, Field(alias="async")] = False
    asyncResponse: str = ""
    destinations: list[DestinationForm] = []
    function: CalleeForm = CalleeForm(name="")
    server: ServerForm = ServerForm(url="any:any")


class SttForm(RequestForm):
    """Speech to text."""

    provider: str
    model: str = ""
    language: str = ""
    keyterms: list[str] = []


class LlmForm(RequestForm):
    """The language model."""

    provider: str
    model: str = ""
    voice: str = ""
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7
    messages: list[MessageForm] = []
    tools: list[ToolForm] = []


class TtsForm(RequestForm):
    """Text to speech. The voice has two spellings."""

    provider: str
    voice_id: str = ""
    voiceId: str = ""
    model: str = ""
    language: str = ""
    stability: Fraction = 0.5
    similarity_boost: Fraction = 0.5
    style: Fraction = 0.5
    use_speaker_boost: bool = False
    speed: Annotated[float, Field(ge=0.5, le=2)] = 1.0


class DataPlanForm(RequestForm):
    """What an analysis extracts."""

    enabled: bool
    its_schema: Annotated[dict[str, Any], Field(alias="schema")] = {}
    messages: list[MessageForm] = []


class AnalysisPlanForm(RequestForm):
    """The analysis of an agent's calls, in either dialect's spelling."""

    structuredDataPlan: DataPlanForm = DataPlanForm(enabled=False)
    structured_data_plan: DataPlanForm = DataPlanForm(enabled=False)
    minMessagesThreshold: Annotated[Whole, Field(ge=0)] = 2
    min_messages_threshold: Annotated[Whole, Field(ge=0)] = 2


class AgentForm(RequestForm):
    """What an agent may be given, saved or inline. Source: contract sections 6 and 9.3."""

    name: Text = ""
    business_name: str | None = None
    notification_email: Email | None = None
    first_message: str | None = None
    is_active: bool = True
    max_duration_seconds: Annotated[Whole, Field(ge=1)] | None = None
    autonomous_silence_handling: bool = True
    silence_timeout_seconds: Annotated[Whole, Field(ge=1)] = 8
    voicemail_detection: bool | None = None
    voicemail_message: str | None = None
    gdpr_mode: bool = False
    webhook_url: Uri | None = None
    webhook_secret: str | None = None
    webhook_events: list[str] | None = None
    analysis_plan: AnalysisPlanForm | None = None
    stt_config: SttForm | None = None
    llm_config: LlmForm = LlmForm(provider="")  # never null
    tts_config: TtsForm | None = None
    metadata: dict[str, Any] | None = None


class NewAgentForm(AgentForm):
    """An agent to save."""

    name: Text


class NumberForm(RequestForm):
    """What of a number may change; null takes the agent or the trunk away."""

    name: str = ""
    agent_id: str | None = None
    transfer_trunk_id: str | None = None
    is_active: bool = True


class NewNumberForm(RequestForm):
    """A number to register."""

    phone_number: PhoneText
    name: str = ""
    agent_id: str = ""
    transfer_trunk_id: str = ""
    is_active: bool = True


async def body_of(request: Request) -> Record:
    """The JSON object of a request.

    Raises:
        ApiError: 400, it is not one.
    """
    raw = await request.body()
    try:
        body = json.loads(raw, parse_constant=_refuse_constant, parse_float=_finite)
        if b"\\u" in raw:
            json.dumps(body, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        raise ApiError(400, "invalid_request", "The body is not valid JSON") from None
    if not isinstance(body, dict):
        raise ApiError(400, "invalid_request", "The body must be a JSON object")
    return body


def _refuse_constant(name: str) -> None:
    """Python reads NaN and Infinity, which are not JSON."""
    raise ValueError(name)


def _finite(digits: str) -> float:
    """1e999 is JSON, but no number that could be written back."""
    number = float(digits)
    if math.isinf(number):
        raise ValueError(digits)
    return number


def changes_of(body: Record) -> Record:
    """The body of an update, which changes something.

    Raises:
        ApiError: 400, it is empty.
    """
    if not body:
        raise ApiError(400, "invalid_request", "Send at least one field to change")
    return body


def read_form(form: type[F], body: Record, under: str = "") -> Record:
    """The fields of a body that were sent, checked.

    Args:
        form: What the body should be.
        body: As sent.
        under: Field that holds the body, for error messages.

    Raises:
        ApiError: 400 for the first field that is missing or wrong.
    """
    try:
        return form.model_validate(body).model_dump(exclude_unset=True, by_alias=True)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(map(str, (under, *problem["loc"]) if under else problem["loc"]))
    if problem["type"] == "missing":
        raise missing(field)
    if problem["type"] == _PHONE_PROBLEM:
        raise ApiError(400, "invalid_phone_number", f"{field} must be in E.164 format", param=field)
    raise invalid(field, f"is not valid: {problem['msg']}")
