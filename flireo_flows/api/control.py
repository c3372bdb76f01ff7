"""Commands to a running call: say something, tell the agent something, hang up, hand over. Contract section 10.

Only while the call is `in-progress`, and at most 10 commands a minute and call. With a realtime model of xAI
`say` and `inject_context` are unreliable, and `transfer_call` works without its announcement.
"""

import re
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, Field

from flireo_flows.api.fields import E164, Dialect, Id
from flireo_flows.api.model import ApiModel, Json, JsonObject, StatedBody
from flireo_flows.api.operation import Sends, operation

_REACHABLE: Final = re.compile(rf"{E164}|^(?i:sips?):\S+$", re.ASCII)


def _check_reachable(destination: str) -> str:
    if not _REACHABLE.fullmatch(destination):
        raise ValueError(
            "write a number in E.164 (a + and digits only) or a SIP URI, such as sip:desk@example.org"
        )
    return destination


class _Command(StatedBody):
    stated: ClassVar[tuple[str, ...]] = ("type",)

    def as_body(self, dialect: Dialect) -> JsonObject:
        """The command; an empty message is none."""
        body = super().as_body(dialect)
        return {name: value for name, value in body.items() if (name, value) != ("message", "")}


class InjectContext(_Command):
    """Add text to the agent's memory."""

    stated: ClassVar[tuple[str, ...]] = ("type", "trigger_response")

    type: Literal["inject-context"] = "inject-context"
    content: str = Field(description="Text for the agent's memory.")
    trigger_response: bool = Field(default=False, description="Whether the agent answers it at once.")


class Say(_Command):
    """Have the agent speak a text."""

    stated: ClassVar[tuple[str, ...]] = ("type", "end_after")

    type: Literal["say"] = "say"
    content: str = Field(description="Text to speak.")
    end_after: bool = Field(default=False, description="Whether to hang up afterwards.")


class EndCall(_Command):
    """Hang up."""

    type: Literal["end-call"] = "end-call"
    message: str = Field(default="", description="Last words; empty for none.")


class Transfer(_Command):
    """Hand the call over."""

    type: Literal["transfer"] = "transfer"
    destination: Annotated[str, AfterValidator(_check_reachable)] = Field(
        description="Phone number (E.164) or SIP URI.", repr=False
    )
    message: str = Field(default="", description="Said before the transfer; empty for nothing.")


ControlCommand = Annotated[InjectContext | Say | EndCall | Transfer, Field(discriminator="type")]


class Controlled(ApiModel):
    """The answer to a command. It was sent; that the call obeyed shows in the call alone."""

    success: bool = True
    message: str = ""


def read_controlled(answer: Json) -> Controlled:
    """The answer to a command; an empty one means no more than its status."""
    return Controlled.model_validate({} if answer is None else answer)


# All of them are the contract's one operation.
_control = operation("POST", "/calls/{id}/control", read_controlled, name="control_call", own_limit=True)


def _sends(call_id: str, command: _Command) -> Sends:
    return Sends(values={"id": call_id}, writes=command.as_body)


@_control
def control_call(call_id: Id, command: ControlCommand) -> Sends:
    """Send a command to a running call. See `say`, `inject_context`, `end_call` and `transfer_call`.

    Args:
        call_id: Id of the call.
        command: What to do: `InjectContext`, `Say`, `EndCall` or `Transfer`.

    Returns:
        Whether the command was passed on.

    Raises:
        InvalidInput: The command cannot be right; nothing was sent.
        BadRequest: The call is not `in-progress`, or the command is not valid.
        NotFound: No such call.
        RateLimited: More than 10 commands in a minute; it was not passed on.
        OutcomeUnknown: No usable answer; it may have been passed on.

    Source: contract section 10.
    """
    return _sends(call_id, command)


@_control
def say(call_id: Id, content: str, end_after: bool = False) -> Sends:
    """Have the agent of a running call speak a text.

    Args:
        call_id: Id of the call.
        content: Text to speak.
        end_after: Whether to hang up afterwards.

    Returns:
        Whether the command was passed on; errors as of `control_call`.

    Source: contract section 10.
    """
    return _sends(call_id, Say(content=content, end_after=end_after))


@_control
def inject_context(call_id: Id, content: str, trigger_response: bool = False) -> Sends:
    """Tell the agent of a running call something that the other party does not hear.

    Args:
        call_id: Id of the call.
        content: Text for the agent's memory.
        trigger_response: Whether the agent answers it at once.

    Returns:
        Whether the command was passed on; errors as of `control_call`.

    Source: contract section 10.
    """
    return _sends(call_id, InjectContext(content=content, trigger_response=trigger_response))


@_control
def end_call(call_id: Id, message: str = "") -> Sends:
    """Hang up a running call.

    Args:
        call_id: Id of the call.
        message: Last words; empty for none.

    Returns:
        Whether the command was passed on; errors as of `control_call`.

    Source: contract section 10.
    """
    return _sends(call_id, EndCall(message=message))


@_control
def transfer_call(call_id: Id, destination: str, message: str = "") -> Sends:
    """Hand a running call over.

    Args:
        call_id: Id of the call.
        destination: Phone number (E.164) or SIP URI.
        message: Said before the transfer; empty for nothing.

    Returns:
        Whether the command was passed on; errors as of `control_call`.

    Source: contract section 10.
    """
    return _sends(call_id, Transfer(destination=destination, message=message))
