"""Block documents of the session's server."""

from typing import TypeVar

from prefect.blocks.core import Block

B = TypeVar("B", bound=Block)


def load(kind: type[B], name: str) -> B:
    """A saved document. Prefect declares that `load` may also return a coroutine; outside a loop it never does."""
    document = kind.load(name)
    assert isinstance(document, kind)
    return document
