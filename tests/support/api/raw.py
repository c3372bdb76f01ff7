"""What a raw call sends."""

from typing import Any

from flireo_flows.api.client import FlireoClient
from flireo_flows.api.operation import Operation
from tests.support.api.speaking import account


def sent(asked: Operation[Any], url: str) -> Any:
    """What a server's answer is read as."""
    with FlireoClient(account(url)) as client:
        return client.send(asked)
