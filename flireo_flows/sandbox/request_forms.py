"""Request bodies: JSON objects whose known fields have the right type; unknown ones are kept.

What pydantic finds wrong becomes the reference's error, naming the field.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, TypeVar

from fastapi import Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError, from_json

from flireo_flows.api.fields import EARLIER_SPELLING
from flireo_flows.sandbox.api_errors import ApiError, invalid, missing
from flireo_flows.sandbox.settings import E164
from flireo_flows.sandbox.store import Record

F = TypeVar("F", bound="RequestForm")


class RequestForm(BaseModel):
    """Fields of a request body, all optional here; what was not sent is not in the result."""

    model_config = ConfigDict(extra="allow", strict=True)


_E164: Final = re.compile(E164)
_PHONE_PROBLEM: Final = "phone_number"
_TYPE_PROBLEM: Final = "tool_type"


def _phone(value: object) -> object:
    if not isinstance(value, str) or not _E164.fullmatch(value):
        raise PydanticCustomError(_PHONE_PROBLEM, "not in E.164 format")
    return value


def _tool_type(kind: str) -> str:
    """Either dialect's spelling is read, whatever the dialect; the earlier one is kept."""
    kind = EARLIER_SPELLING.get(kind, kind)
    if kind not in TOOL_CONFIGS:
        raise PydanticCustomError(_TYPE_PROBLEM, "must be one of {known}", {"known": ", ".join(TOOL_CONFIGS)})
    return kind


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
PhoneText = Annotated[str, BeforeValidator(_phone)]
ToolType = Annotated[str, AfterValidator(_tool_type)]


class _Message(RequestForm):
    role: str
    content: str


class _Destination(RequestForm):
    type: Literal["number"]
    number: PhoneText
    description: str
    message: str = ""


class _Function(RequestForm):
    name: str
    description: str = ""
    parameters: dict[str, Any] = {}


class _Server(RequestForm):
    url: Uri
    secret: str = ""


class _Tool(RequestForm):
    """A tool of an agent, in any of its three documented shapes."""

    type: str = ""
    name: str = ""
    description: str = ""
    url: Uri = ""
    parameters: dict[str, Any] = {}
    is_async: Annotated[bool, Field(alias="async")] = False
    asyncResponse: str = ""
    destinations: list[_Destination] = []
    function: _Function = _Function(name="")
    server: _Server = _Server(url="any:any")


class _Stt(RequestForm):
    provider: str
    model: str = ""
    language: str = ""
    keyterms: list[str] = []


class _Llm(RequestForm):
    provider: str
    model: str = ""
    voice: str = ""
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7
    messages: list[_Message] = []
    tools: list[_Tool] = []


class _Tts(RequestForm):
    """The voice has two spellings."""

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


class _DataPlan(RequestForm):
    enabled: bool
    its_schema: Annotated[dict[str, Any], Field(alias="schema")] = {}
    messages: list[_Message] = []


class _AnalysisPlan(RequestForm):
    """In either dialect's spelling."""

    structuredDataPlan: _DataPlan = _DataPlan(enabled=False)
    structured_data_plan: _DataPlan = _DataPlan(enabled=False)
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
    analysis_plan: _AnalysisPlan | None = None
    stt_config: _Stt | None = None
    llm_config: _Llm = _Llm(provider="")  # never null
    tts_config: _Tts | None = None
    metadata: dict[str, Any] | None = None


class NumberForm(RequestForm):
    """What of a number may change; null takes the agent or the trunk away."""

    name: str = ""
    agent_id: str | None = None
    transfer_trunk_id: str | None = None
    is_active: bool = True


class NewNumberForm(NumberForm):
    """A number to register."""

    phone_number: PhoneText = ""
    agent_id: str = ""
    transfer_trunk_id: str = ""


class ToolTemplateForm(RequestForm):
    """A tool that is kept for later agents. Source: contract section 7."""

    name: Text = ""
    description: str | None = None
    tool_type: ToolType = ""
    tool_config: dict[str, Any] = {}


class _FunctionConfig(RequestForm):
    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")]
    description: str
    parameters: dict[str, Any]
    url: str = ""
    is_async: Annotated[bool, Field(alias="async")] = False
    asyncResponse: str = ""
    async_response: str = ""


class _TransferConfig(RequestForm):
    destinations: list[_Destination]


TOOL_CONFIGS: Final[Mapping[str, type[RequestForm]]] = {
    "function": _FunctionConfig,
    "endCall": RequestForm,
    "transferCall": _TransferConfig,
}


class AnalysisTemplateForm(RequestForm):
    """An analysis that is kept for later agents. Source: contract section 15.3."""

    name: Text = ""
    description: str | None = None
    system_prompt: str = ""
    user_prompt: str = ""
    its_schema: Annotated[dict[str, Any], Field(alias="schema")] = {}


class TrunkForm(RequestForm):
    """A SIP trunk, in any of its documented variants. Source: contract section 12."""

    name: Text = ""
    host: Text = ""
    port: Annotated[Whole, Field(ge=1, le=65535)] = 5060
    username: str = ""
    password: str = ""
    provider: Text = ""
    address: Text = ""
    outbound_address: Text = ""
    auth_username: str = ""
    auth_password: str = ""
    transport: Annotated[str, Field(pattern="^(udp|tcp|tls)$")] = "udp"
    is_active: bool = True


def trunk_fields(fields: Record) -> Record:
    """The fields of a trunk under the names by which it is kept. Its password is not even kept."""
    aliases = ("host", "outbound_address", "username", "password", "auth_password")
    kept = {name: value for name, value in fields.items() if name not in aliases}
    address = given(fields, "host", "address", "outbound_address")
    user = given(fields, "username", "auth_username")
    return {**kept, "address": address and address[1], "auth_username": user and user[1]}


def given(fields: Record, *names: str) -> tuple[str, Any] | None:
    """The name and value of the first of these fields that was sent and is not null."""
    return next(((name, fields[name]) for name in names if fields.get(name) is not None), None)


async def body_of(request: Request, *, changes: bool = False) -> Record:
    """The JSON object of a request.

    Args:
        request: That was sent.
        changes: Whether it changes something, so that it must not be empty.

    Raises:
        ApiError: 400, it is not one, or it is empty and must not be.
    """
    try:
        body = from_json(await request.body(), allow_inf_nan=False)
        json.dumps(body, allow_nan=False)  # 1e999 is JSON, but no number that could be written back
    except ValueError:
        raise ApiError(400, "invalid_request", "The body is not valid JSON") from None
    if not isinstance(body, dict):
        raise ApiError(400, "invalid_request", "The body must be a JSON object")
    if changes and not body:
        raise ApiError(400, "invalid_request", "Send at least one field to change")
    return body


def read_form(form: type[F], body: Record, under: str = "", required: Sequence[str] = ()) -> Record:
    """The fields of a body that were sent, checked.

    Args:
        form: What the body should be.
        body: As sent.
        under: Field that holds the body, for error messages.
        required: Fields that must have been sent, beyond those that the form requires.

    Raises:
        ApiError: 400 for the first field that is missing or wrong.
    """
    for name in required:
        if name not in body:
            raise missing(name)
    try:
        return form.model_validate(body).model_dump(exclude_unset=True, by_alias=True)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(map(str, (under, *problem["loc"]) if under else problem["loc"]))
    if problem["type"] == "missing":
        raise missing(field)
    if problem["type"] == _PHONE_PROBLEM:
        raise ApiError(400, "invalid_phone_number", f"{field} must be in E.164 format", param=field)
    raise invalid(
        field, problem["msg"] if problem["type"] == _TYPE_PROBLEM else f"is not valid: {problem['msg']}"
    )
