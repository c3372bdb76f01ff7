"""Answers that several resources give."""

from collections.abc import Mapping
from typing import TypeVar

from fastapi import Request
from starlette.responses import JSONResponse, Response

from flireo_flows.sandbox.local_platform import World, world_of
from flireo_flows.sandbox.refusals import not_found
from flireo_flows.sandbox.settings import Dialect

R = TypeVar("R")


def deleted(request: Request) -> Response:
    """The answer to a delete: both forms are documented, and a setting chooses."""
    return (
        Response(status_code=204)
        if world_of(request).settings.empty_deletes
        else JSONResponse({"success": True})
    )


def named(request: Request, things: Mapping[str, R], what: str) -> R:
    """The thing whose id is in the path.

    Raises:
        Refusal: 404, there is none.
    """
    thing = things.get(request.path_params["id"])
    if thing is None:
        raise not_found(what)
    return thing


def is_later(world: World) -> bool:
    """Whether the sandbox speaks the later dialect."""
    return world.settings.dialect is Dialect.HMSOVEREIGN
