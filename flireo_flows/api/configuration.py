"""What agents and templates are made of: objects that are read (tolerantly) and written (strictly) alike."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self

from pydantic import (
    ConfigDict,
    ModelWrapValidatorHandler,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    model_serializer,
    model_validator,
)

from flireo_flows.api.fields import dialect_of
from flireo_flows.api.model import ApiBody, JsonObject

# Validation context of an answer. What someone wants to send must be right; what came is read as it came.
READING: Final = {"reading": True}
# Keys that cannot be fields of a Python model, by the names their fields have instead.
KEYS: Final[Mapping[str, str]] = {"data_schema": "schema", "is_async": "async"}


def is_reading(info: ValidationInfo) -> bool:
    """Whether an answer is being read, rather than an argument checked."""
    return isinstance(info.context, dict) and bool(info.context.get("reading"))


def refused(model: str, field: str, words: str) -> ValidationError:
    """The error of a check of a whole model that found one field wrong; names the field, quotes nothing."""
    return ValidationError.from_exception_data(
        model,
        [{"type": "value_error", "loc": (field,), "input": None, "ctx": {"error": ValueError(words)}}],
        hide_input=True,
    )


class StatedBody(ApiBody):
    """A body some of whose fields are sent even if no one set them, such as the type of a tool."""

    model_config = ConfigDict(allow_inf_nan=False)  # JSON has no such number

    stated: ClassVar[tuple[str, ...]] = ()

    def model_post_init(self, context: Any) -> None:
        """Count the stated fields as set."""
        self.model_fields_set.update(self.stated)


class Configuration(StatedBody):
    """A body that is also read, at any depth of an answer.

    While an answer is read (`READING`), a field that cannot be read is absent, and a missing required one is
    as `blank` has it: one odd setting must not cost the rest of the agent.
    """

    blank: ClassVar[Mapping[str, Any]] = {}

    @model_validator(mode="wrap")
    @classmethod
    def _forgive(cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            if not (is_reading(info) and isinstance(data, dict)):
                raise
            odd = {problem["loc"][0] for problem in error.errors() if problem["loc"]}
        return handler({**cls.blank, **{name: value for name, value in data.items() if name not in odd}})

    @model_serializer(mode="wrap")
    def _spell(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> JsonObject:
        """In a request body, under the keys of the API."""
        written: JsonObject = handler(self)
        if dialect_of(info) is None:
            return written
        return {KEYS.get(name, name): value for name, value in written.items()}
