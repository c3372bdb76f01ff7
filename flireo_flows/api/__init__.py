"""The Flireo API as Python values. Knows nothing of Prefect, the ledger or files of leads.

    with FlireoClient(Account(api_key="fl_live_...")) as client:
        agents = client.send(list_agents())

The operations and models of each group are in a module named for it (`flireo_flows.api.agents`, `.calls`, `.numbers`
...), the errors in `flireo_flows.api.errors`, and what Flireo sends in `flireo_flows.api.webhooks`. A name below is
imported when it is first asked for, so that importing this package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flireo_flows.api.client import Account, AsyncFlireoClient, FlireoClient, Timeouts
    from flireo_flows.api.errors import FlireoError, InvalidInput, OutcomeUnknown
    from flireo_flows.api.fields import Dialect
    from flireo_flows.api.operation import Effect, Operation, endpoint_of
    from flireo_flows.api.pagination import aiter_calls, iter_calls, iter_campaign_leads, iter_usage
    from flireo_flows.api.redaction import mask_phone, redact
    from flireo_flows.api.registry import OPERATIONS, operation_named, raw_operation

__all__ = [
    "OPERATIONS",
    "Account",
    "AsyncFlireoClient",
    "Dialect",
    "Effect",
    "FlireoClient",
    "FlireoError",
    "InvalidInput",
    "Operation",
    "OutcomeUnknown",
    "Timeouts",
    "aiter_calls",
    "endpoint_of",
    "iter_calls",
    "iter_campaign_leads",
    "iter_usage",
    "mask_phone",
    "operation_named",
    "raw_operation",
    "redact",
]

_MODULES = {
    "client": ["Account", "AsyncFlireoClient", "FlireoClient", "Timeouts"],
    "fields": ["Dialect"],
    "errors": ["FlireoError", "InvalidInput", "OutcomeUnknown"],
    "operation": ["Effect", "Operation", "endpoint_of"],
    "pagination": ["aiter_calls", "iter_calls", "iter_campaign_leads", "iter_usage"],
    "redaction": ["mask_phone", "redact"],
    "registry": ["OPERATIONS", "operation_named", "raw_operation"],
}


def __getattr__(name: str) -> object:
    module = next((module for module, names in _MODULES.items() if name in names), None)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{module}"), name)
