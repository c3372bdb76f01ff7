"""The names of all operations, as a list to choose from."""

from enum import StrEnum

from flireo_flows.api.registry import OPERATIONS

# mypy reads an enum's members from literals only; who runs any operation chooses it in a form.
OperationName = StrEnum(  # type: ignore[misc]
    "OperationName", {function.__name__: function.__name__ for function in OPERATIONS}
)
OperationName.__doc__ = "Every operation of the API, by its operationId (contract section 5)."
