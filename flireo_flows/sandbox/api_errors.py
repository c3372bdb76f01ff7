"""Errors of the API: raised where a request is judged, written in the dialect's shape where it is answered."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from flireo_flows.api.fields import Dialect
from flireo_flows.sandbox.settings import ErrorForm, SandboxSettings

UNAUTHORIZED: Final = (
    "unauthorized"  # no key, or a wrong one: the reference shows it flat, whatever the dialect
)


class ApiError(Exception):
    """A request that is answered with an error.

    Attributes:
        status: HTTP status.
        code: Machine-readable code of the reference; only the nested form shows it.
        message: For people.
        param: Field that caused it, if one did.
        headers: To send along.
        extra: Keys that the flat form carries beside the message.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(status, code, message)
        self.status, self.code, self.message, self.param = status, code, message, param
        self.headers, self.extra = dict(headers or {}), dict(extra or {})


def not_found(what: str, param: str | None = None) -> ApiError:
    """404 for an unknown id."""
    return ApiError(404, "not_found", f"{what} not found", param=param)


def missing(field: str) -> ApiError:
    """400 for a required field that is absent."""
    return ApiError(400, "missing_field", f"{field} is required", param=field)


def invalid(field: str, problem: str) -> ApiError:
    """400 for a value of the wrong type or range."""
    return ApiError(400, "invalid_field", f"{field} {problem}", param=field)


def answer(refusal: ApiError, settings: SandboxSettings) -> Response:
    """The refusal as a response, in the shape that the settings ask for."""
    body = _flat(refusal) if _form(refusal, settings) is ErrorForm.FLAT else _nested(refusal)
    return JSONResponse(body, refusal.status, refusal.headers)


def _form(refusal: ApiError, settings: SandboxSettings) -> ErrorForm:
    if refusal.code == UNAUTHORIZED:
        return ErrorForm.FLAT
    by_dialect = ErrorForm.NESTED if settings.dialect is Dialect.FLIREO else ErrorForm.FLAT
    return settings.error_form or by_dialect


def _nested(refusal: ApiError) -> dict[str, Any]:
    param = {"param": refusal.param} if refusal.param else {}
    return {"error": {"code": refusal.code, "message": refusal.message, **param}}


def _flat(refusal: ApiError) -> dict[str, Any]:
    if refusal.code == UNAUTHORIZED:
        return {"error": "Unauthorized", "message": refusal.message}
    param = {"param": refusal.param} if refusal.param else {}
    return {"error": refusal.message, **param, **refusal.extra}
