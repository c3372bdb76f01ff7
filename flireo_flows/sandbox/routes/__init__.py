"""The operations, one module a resource. A route's name is the operation's id in the reference."""

from types import ModuleType
from typing import Final

from fastapi import APIRouter

from flireo_flows.sandbox.routes import (
    account,
    agents,
    analysis_templates,
    byok,
    calls,
    campaign_leads,
    campaigns,
    control,
    domains,
    numbers,
    sip_trunks,
    tool_templates,
    usage,
    voices,
)

_MODULES: Final[tuple[ModuleType, ...]] = (
    agents,
    tool_templates,
    numbers,
    calls,
    control,
    usage,
    sip_trunks,
    voices,
    byok,
    domains,
    analysis_templates,
    account,
    campaigns,
    campaign_leads,
)

ROUTERS: Final[tuple[APIRouter, ...]] = tuple(module.router for module in _MODULES)
