"""Objects that the sources describe in several ways (contract section 21)."""

from typing import Any

from pydantic import model_validator

from flireo_flows.api.model import ApiModel


class VariedModel(ApiModel):
    """An object some of whose fields have two names. Null under one of them leaves room for the other."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if value is not None}
