"""Prefect tasks, blocks and flows for Flireo, the API whose AI agents make phone calls.

Nothing heavy is imported before it is used, so that `flireo-flows --help` answers at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flireo_flows.blocks import (
        CallLedger,
        FlireoAgent,
        FlireoCampaignJob,
        FlireoCredentials,
        FlireoPhoneNumber,
        FlireoWebhook,
    )

__all__ = [
    "CallLedger",
    "FlireoAgent",
    "FlireoCampaignJob",
    "FlireoCredentials",
    "FlireoPhoneNumber",
    "FlireoWebhook",
    "__version__",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """The blocks, which `prefect block register -m flireo_flows` looks for here."""
    if name.startswith("__") or name not in __all__:
        raise AttributeError(f"module 'flireo_flows' has no attribute {name!r}")
    return getattr(import_module("flireo_flows.blocks"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
