"""The two ways of writing to the same service, and the types of arguments and fields that several resources share.

Reading is always tolerant of both (contract section 0.2).
"""

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    Field,
    PlainSerializer,
    SecretStr,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    WrapSerializer,
)


class Dialect(StrEnum):
    """Which names the server expects in paths and bodies."""

    FLIREO = "flireo"
    HMSOVEREIGN = "hmsovereign"


BASE_URLS: Final[dict[Dialect, str]] = {
    Dialect.FLIREO: "https://api.flireo.com/api/v1",
    Dialect.HMSOVEREIGN: "https://api.hmsovereign.com/api/v1",
}

RENAMED_PATHS: Final[dict[str, str]] = {"/agents": "/assistants", "/account": "/organizations"}


def spell_path(template: str, dialect: Dialect) -> str:
    """The path template as the dialect writes it: `/agents/{id}` -> `/assistants/{id}`."""
    if dialect is Dialect.FLIREO:
        return template
    for flireo, renamed in RENAMED_PATHS.items():
        if template == flireo or template.startswith(f"{flireo}/"):
            return renamed + template.removeprefix(flireo)
    return template


E164: Final = r"^\+[1-9]\d{1,14}$"  # contract section 0.3
_E164: Final = re.compile(E164, re.ASCII)
EMPTY: Final = "the id is empty"
DIALECT: Final = "dialect"  # key of the serialization context while a request body is written


def optional(description: str) -> Any:
    """A field that may be left out, and is None then."""
    return Field(default=None, description=description)


def iso(moment: datetime) -> str:
    """ISO 8601, UTC, milliseconds and `Z`, as the API writes it (contract section 0.3)."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check_e164(number: str) -> str:
    """The number, if it is E.164. Raises `ValueError` otherwise, without repeating it."""
    if not _E164.fullmatch(number):
        raise ValueError("write the number in E.164: a +, the country code and the rest, in digits only")
    return number


def check_id(value: str) -> str:
    """The id, if a path could hold it: `/calls/` and `/calls/..` are not about one call."""
    if not value.strip().strip("."):
        raise ValueError(EMPTY)
    return value


def dialect_of(info: SerializationInfo) -> Dialect | None:
    """The dialect that a body is being written in; None while a model is only shown or stored."""
    context = info.context
    return context.get(DIALECT) if isinstance(context, dict) else None


def _revealed(secret: SecretStr, info: SerializationInfo) -> Any:
    """A secret is written in clear into the request that carries it, and nowhere else."""
    return secret if dialect_of(info) is None else secret.get_secret_value()


def _spelled(value: Any, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> Any:
    later = dialect_of(info) is Dialect.HMSOVEREIGN
    return LATER_SPELLING.get(value, value) if later else handler(value)


# Values that the later dialect spells in snake_case (contract section 21, `tool_type` values).
LATER_SPELLING: Final = {"endCall": "end_call", "transferCall": "transfer_call"}
EARLIER_SPELLING: Final = {later: earlier for earlier, later in LATER_SPELLING.items()}

# Opaque; may hold a "+" (contract section 0.3)
Id = Annotated[str, AfterValidator(check_id), Field(json_schema_extra={"minLength": 1})]
PhoneText = Annotated[str, AfterValidator(check_e164), Field(json_schema_extra={"pattern": E164})]
Secret = Annotated[SecretStr, PlainSerializer(_revealed)]
# `endCall` or `end_call`, written as the dialect has it; any other value as it is.
ToolKind = Annotated[
    str, AfterValidator(lambda kind: EARLIER_SPELLING.get(kind, kind)), WrapSerializer(_spelled)
]
