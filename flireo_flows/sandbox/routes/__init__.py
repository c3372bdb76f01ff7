"""The operations, one module a resource. A route's name is the operation's id in the reference."""

from fastapi import APIRouter

from flireo_flows.sandbox.routes import account, agents, calls, control, numbers

ROUTERS: tuple[APIRouter, ...] = (agents.router, numbers.router, calls.router, control.router, account.router)
