"""The server that `benchmarks.receiving` measures: a receiver, and beside it a route that does nothing."""

import os

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from flireo_flows.receiver import Receiver


async def empty(request: Request) -> Response:
    """What any route costs."""
    return Response(b"{}", media_type="application/json")


receiver = Receiver(os.environ["FLIREO_LEDGER_URL"], [os.environ["FLIREO_WEBHOOK_SECRET"]])
receiver.app.router.routes.append(Route("/empty", empty, methods=["POST"]))


@receiver.app.post("/empty-fastapi")
async def empty_fastapi() -> dict[str, str]:
    """As most people would write it."""
    return {}
