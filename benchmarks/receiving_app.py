"""The server that `benchmarks.receiving` measures: a receiver, and beside it routes that do nothing."""

import os

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from flireo_flows.receiver import Receiver

receiver = Receiver(os.environ["FLIREO_LEDGER_URL"], [os.environ["FLIREO_WEBHOOK_SECRET"]])


@receiver.app.post("/empty")
async def empty() -> dict[str, str]:
    """What any route of an app costs, as people write it."""
    return {}


async def bare(request: Request) -> Response:
    """The same below FastAPI, for comparison: the least that this server does for a request."""
    return Response(b"{}", media_type="application/json")


receiver.app.router.routes.append(Route("/bare", bare, methods=["POST"]))
