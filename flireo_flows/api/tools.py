"""Tools that an agent may use during a call. Contract sections 6 ("Tools") and 7.

The API knows three shapes: a flat webhook tool, a nested function tool, and built-ins by `type`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from flireo_flows.api.fields import EARLIER_SPELLING, Secret, ToolKind, check_e164, optional
from flireo_flows.api.model import Configuration, JsonObject, is_reading

FUNCTION: Final = "function"
END_CALL: Final = "endCall"
TRANSFER_CALL: Final = "transferCall"


def _dialable(number: str, info: ValidationInfo) -> str:
    is_number = info.data.get("type") == "number"
    return check_e164(number) if is_number and not is_reading(info) else number


class TransferDestination(Configuration):
    """Where a call may be handed over to."""

    stated = ("type",)
    type: str = Field(default="number", description="`number`; open, for later servers may know more.")
    number: Annotated[str, AfterValidator(_dialable)] = Field(description="Phone number, E.164.", repr=False)
    description: str = Field(description="When the model should pick it.")
    message: str | None = optional("Spoken before the transfer.")


class WebhookTool(Configuration):
    """A function that the agent calls by webhook: the flat shape. Also the `tool_config` of a template."""

    name: str = Field(description="Name by which the model calls it, snake_case.")
    description: str = Field(description="When the model should call it, and what for.")
    url: str | None = optional("Own webhook; without it the agent's is used.")
    parameters: JsonObject | None = optional("JSON Schema of the arguments.")
    is_async: bool = Field(
        default=False,
        alias="async",
        description="Fire and forget: the result is not waited for.",
    )
    async_response: str | None = Field(
        default=None,
        validation_alias=AliasChoices("async_response", "asyncResponse"),
        serialization_alias="asyncResponse",
        description="Said at once when an async tool is called.",
    )


class ToolFunction(Configuration):
    """The function of a nested tool."""

    name: str = Field(description="Name by which the model calls it, snake_case.")
    description: str | None = optional("When the model should call it, and what for.")
    parameters: JsonObject | None = optional("JSON Schema of the arguments.")


class ToolServer(Configuration):
    """The webhook of a nested tool."""

    url: str = Field(description="Own webhook of the tool.")
    secret: Secret | None = optional("Signs the tool's webhooks.")


class FunctionTool(Configuration):
    """A function that the agent calls by webhook: the nested shape."""

    stated = ("type",)
    type: str = Field(default=FUNCTION, description="`function`.")
    function: ToolFunction = Field(description="What is called.")
    server: ToolServer | None = optional("Own webhook; without it the agent's is used.")
    is_async: bool = Field(
        default=False,
        alias="async",
        description="Fire and forget: the result is not waited for.",
    )


class EndCallTool(Configuration):
    """Built in: the agent may hang up."""

    stated = ("type",)

    type: ToolKind = Field(default=END_CALL, description="`endCall`, or `end_call` on later servers.")


class TransferCallTool(Configuration):
    """Built in: the agent may hand the call over."""

    stated = ("type",)
    type: ToolKind = Field(
        default=TRANSFER_CALL, description="`transferCall`, or `transfer_call` on later servers."
    )
    destinations: tuple[TransferDestination, ...] = Field(description="Where it may be transferred to.")


class OtherTool(Configuration):
    """A built-in that this package does not know yet; its settings are kept and sent as they are."""

    type: str = Field(description="Type of the tool, as the API has it.")


_SHAPES: Final[Mapping[str, type[Configuration]]] = {
    FUNCTION: FunctionTool,
    END_CALL: EndCallTool,
    TRANSFER_CALL: TransferCallTool,
}


def _shape(data: Mapping[str, Any]) -> type[Configuration]:
    """Which of the shapes a tool has: by its `type`, which the flat one does not need."""
    kind = data.get("type")
    if kind is None or (kind == FUNCTION and FUNCTION not in data and "name" in data):
        return WebhookTool
    kind = kind if isinstance(kind, str) else ""
    return _SHAPES.get(EARLIER_SPELLING.get(kind, kind), OtherTool)


def _shaped(data: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    """Only the shape that is meant is tried, so that an error is about this one and not about all five."""
    if not isinstance(data, dict):
        return handler(data)
    return _shape(data).model_validate(data, context=info.context)


Tool = Annotated[
    WebhookTool | FunctionTool | EndCallTool | TransferCallTool | OtherTool, WrapValidator(_shaped)
]


class TransferConfig(Configuration):
    """The `tool_config` of a `transferCall` template."""

    destinations: tuple[TransferDestination, ...] = Field(description="Where a call may be transferred to.")


class FunctionConfig(WebhookTool):
    """The `tool_config` of a `function` template: a flat webhook tool whose arguments are described."""

    parameters: JsonObject = Field(description="JSON Schema of the arguments.")


class PlainConfig(Configuration):
    """The `tool_config` of an `endCall` template, which has no settings, or of a type not known here."""


_CONFIGS: Final[Mapping[str, type[Configuration]]] = {
    FUNCTION: FunctionConfig,
    END_CALL: PlainConfig,
    TRANSFER_CALL: TransferConfig,
}


def _kind_of(config: Mapping[str, Any]) -> str:
    """The type a `tool_config` must be of where none is given, as in a change of the `tool_config` alone."""
    if "destinations" in config:
        return TRANSFER_CALL
    return FUNCTION if "name" in config or "parameters" in config else ""


def _by_type(data: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    kind = info.data.get("tool_type")
    if isinstance(data, BaseModel):
        wanted = _CONFIGS.get(kind or "")
        if wanted is not None and not isinstance(data, wanted):
            raise ValueError(f"a tool of type {kind} is configured by {wanted.__name__}")
        return handler(data)
    if not isinstance(data, dict):
        return handler(data)
    return _CONFIGS.get(kind or _kind_of(data), PlainConfig).model_validate(data, context=info.context)


# In a model with a field `tool_type` before it, which decides the shape.
ToolConfig = Annotated[FunctionConfig | TransferConfig | PlainConfig, WrapValidator(_by_type)]
