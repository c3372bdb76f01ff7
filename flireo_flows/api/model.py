"""How objects of the API are read: tolerantly, once, at the edge."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator

Json = Any  # what json.loads gives; it gets a type as soon as a model has read it
JsonObject = dict[str, Any]


class ApiModel(BaseModel):
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


def unwrap(answer: Json, *keys: str) -> Json:
    """The object under the first of `keys` that is there, else the answer itself (bare form)."""
    if isinstance(answer, dict):
        for key in keys:
            if key in answer:
                return answer[key]
    return answer


def read_done(answer: Json) -> bool:
    """The answer to a delete: `{"success": true}`, or nothing at all with 204 (contract section 21)."""
    return bool(answer.get("success", True)) if isinstance(answer, dict) else True
