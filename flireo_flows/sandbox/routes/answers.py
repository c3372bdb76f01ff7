"""Answers that several resources give."""

from fastapi import Request
from starlette.responses import JSONResponse, Response

from flireo_flows.sandbox.world import world_of


def deleted(request: Request) -> Response:
    """The answer to a delete: both forms are documented, and a setting chooses."""
    return (
        Response(status_code=204)
        if world_of(request).settings.empty_deletes
        else JSONResponse({"success": True})
    )
