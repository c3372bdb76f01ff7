"""How objects of the API are read (tolerantly, once, at the edge) and written (as the dialect has it).

What agents and templates are made of is both: a `Configuration`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final, Self, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    model_serializer,
    model_validator,
)

from flireo_flows.api.fields import DIALECT, Dialect, dialect_of
from flireo_flows.api.redaction import redact

Json = Any  # what json.loads gives; it gets a type as soon as a model has read it
JsonObject = dict[str, Any]


class Discreet(BaseModel):
    """Shows no full phone number when it is printed, wherever in it the number stands (also in a call id)."""

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """As pydantic's, with texts redacted and cut."""
        for name, value in super().__repr_args__():
            yield name, _Shown(redact(repr(value))) if isinstance(value, str | dict) else value


class _Shown(str):
    """A text that is its own representation."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class ApiBody(Discreet):
    """An object that we write: what was set is sent, what was not is left out, None is sent as null.

    So one model serves POST and PATCH (contract section 0.3: null clears a field, an absent key leaves it).
    Fields that it does not name are sent as they are, for the vendor adds some. A serialization alias is the
    spelling of the `flireo` dialect, a field's own name that of the later one.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="allow",
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
        ser_json_inf_nan="constants",  # by default NaN becomes null, which clears a field
    )

    def as_body(self, dialect: Dialect) -> JsonObject:
        """The request body in a dialect. The only place where its secrets are written in clear."""
        return self.model_dump(
            mode="json", exclude_unset=True, by_alias=dialect is Dialect.FLIREO, context={DIALECT: dialect}
        )


class ApiModel(Discreet):
    """An object of the API: frozen, with unknown fields kept aside in `model_extra`.

    Unknown fields and missing optional ones are normal (contract section 0.3).
    """

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    @model_validator(mode="wrap")
    @classmethod
    def _forgive(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """A field that cannot be read is absent: one odd field must not cost a page of a thousand calls."""
        try:
            return handler(data)
        except ValidationError as error:
            odd = {problem["loc"][0] for problem in error.errors() if problem["loc"]}
            if not isinstance(data, dict) or not odd:
                raise
        return handler({name: value for name, value in data.items() if name not in odd})


class AnswerFormatError(ValueError):
    """An answer is not what the contract describes. The text gives the reason, and quotes nothing of it."""


def unwrap(answer: Json, *keys: str) -> Json:
    """What stands under the documented key of a resource, else the answer itself (bare form).

    Args:
        answer: Decoded JSON.
        keys: Every documented spelling of the key. Null under one leaves room for another.

    Raises:
        AnswerFormatError: Two spellings are there and differ.
    """
    spelled = [answer[key] for key in keys if key in answer] if isinstance(answer, dict) else []
    if not spelled:
        return answer
    held = [value for value in spelled if value is not None]
    if any(value != held[0] for value in held):
        raise AnswerFormatError(f"the answer holds two different things, under {' and '.join(keys)}")
    return held[0] if held else None


def read_list(answer: Json, *keys: str) -> list[Json]:
    """The list under a documented key of the resource, or the list itself without an envelope.

    Anything else is no empty list: to take it for one would say that nothing is there (contract section 21.1).

    Raises:
        AnswerFormatError: There is no list.
    """
    found = unwrap(answer, *keys)
    if not isinstance(found, list):
        raise AnswerFormatError(f"the answer holds no list of {keys[0]}")
    return found


def read_done(answer: Json) -> bool:
    """The answer to a delete: `{"success": true}`, or nothing at all with 204 (contract section 21).

    Raises:
        AnswerFormatError: It is something else.
    """
    if answer is None or answer == {}:
        return True
    if not isinstance(answer, dict) or "success" not in answer:
        raise AnswerFormatError("the answer does not say that it was deleted")
    return answer["success"] is True


TOTALS: Final = ("total", "count", "total_count", "totalCount")
AROUND: Final = ("pagination", "paging", "page", "meta")  # objects that a total may stand in


class Page:
    """Part of a list, as an operation's result. Its first field holds the rows."""

    __slots__ = ()

    @property
    def size(self) -> int:
        """How many rows it has."""
        return len(getattr(self, next(iter(type(self).__annotations__))))


def is_empty(result: object) -> bool:
    """Whether an operation's result is a list without rows, or a page of one."""
    if isinstance(result, Page):
        return result.size == 0
    return isinstance(result, list | tuple) and not result


def promised(answer: Json) -> bool:
    """Whether an answer reports rows anywhere.

    More spellings than the documented `pagination.total` count here, since they only cast doubt on an empty list.
    """
    if not isinstance(answer, dict):
        return False
    places = [answer, *(answer[key] for key in AROUND if isinstance(answer.get(key), dict))]
    return any(_is_above_zero(place.get(name)) for place in places for name in TOTALS)


def _is_above_zero(value: Json) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        return value.strip().isdecimal() and int(value) > 0
    return isinstance(value, int | float) and value > 0


def read_total(answer: Json) -> int | None:
    """`pagination.total`; None when the server does not report it."""
    paging = answer.get("pagination") if isinstance(answer, dict) else None
    total = paging.get("total") if isinstance(paging, dict) else None
    return total if isinstance(total, int) and not isinstance(total, bool) else None


class VariedModel(ApiModel):
    """An object some of whose fields have two names. Null under one of them leaves room for the other."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if value is not None}


def problems_in(error: ValidationError) -> list[tuple[str, str]]:
    """Where and what pydantic found wrong, without what was given: it may be a secret or a number."""
    return [
        (".".join(map(str, problem["loc"])), problem["msg"].removeprefix("Value error, "))
        for problem in error.errors(include_input=False, include_url=False)
    ]


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
    empty: one odd setting must not cost the rest of the agent.
    """

    @model_validator(mode="wrap")
    @classmethod
    def _forgive(cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            if not (is_reading(info) and isinstance(data, dict)):
                raise
            odd = {problem["loc"][0] for problem in error.errors() if problem["loc"]}
        return handler({**cls._blank(), **{name: value for name, value in data.items() if name not in odd}})

    @classmethod
    def _blank(cls) -> JsonObject:
        """An empty value for each required field: of its own type, or an object for a model."""
        required = {name: field.annotation for name, field in cls.model_fields.items() if field.is_required()}
        kinds = {name: get_origin(kind) or kind for name, kind in required.items()}
        return {name: kind() if kind in (str, bool, tuple) else {} for name, kind in kinds.items()}

    @model_serializer(mode="wrap")
    def _spell(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> JsonObject:
        """In a request body, under the keys of the API."""
        written: JsonObject = handler(self)
        if dialect_of(info) is None:
            return written
        return {KEYS.get(name, name): value for name, value in written.items()}
