"""The domain that notifications are mailed from, through Resend: one, and only with a key for Resend.

Source: contract section 14. Resend is played here too. A domain begins as `not_started`; `verify` has its
records looked up (`pending`), and the next `refresh` finds them (`verified`).
"""

import re
from collections.abc import Callable
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from flireo_flows.sandbox.api_errors import ApiError, invalid, missing, not_found
from flireo_flows.sandbox.clock import iso
from flireo_flows.sandbox.local_platform import Platform, platform_of
from flireo_flows.sandbox.request_forms import body_of
from flireo_flows.sandbox.routes.answers import deleted
from flireo_flows.sandbox.store import Record, Store, domain_record, new_id

router = APIRouter()

_REGION: Final = "eu-west-1"
_DOMAIN_NAME: Final = re.compile(
    r"(?=.{4,253}\Z)([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z]{2,63}"
)

# What the organization has at Resend already, to be found by a sync.
_AT_RESEND: Final[Record] = {
    "id": "d91cd9bd-1176-453e-8fc1-35364d380206",
    "name": "mail.example.org",
    "status": "verified",
    "region": _REGION,
}


@router.get("/domains")
async def get_domain(request: Request) -> Response:
    """The domain, or null."""
    return JSONResponse({"domain": platform_of(request).store.domain})


@router.post("/domains")
async def add_domain(request: Request) -> Response:
    """Set a domain up at Resend."""
    platform = platform_of(request)
    name = _text(await body_of(request), "domain_name", "domain")
    if not _DOMAIN_NAME.fullmatch(name):
        raise invalid("domain_name", "must be the name of a domain")
    _need_key(platform.store)
    if platform.store.domain is not None:
        raise ApiError(409, "conflict", "There is a domain already", param="domain_name")
    domain = _domain({"id": new_id(), "name": name, "status": "not_started", "region": _REGION}, platform)
    return JSONResponse({"domain": domain}, 201)


@router.delete("/domains")
async def delete_domain(request: Request) -> Response:
    """Delete the domain."""
    store = platform_of(request).store
    _the_domain(store)
    store.domain = None
    return deleted(request)


@router.get("/domains/sync")
async def list_resend_domains(request: Request) -> Response:
    """The domains at Resend, and which of them is ours."""
    store = platform_of(request).store
    _need_key(store)
    selected = store.domain["resend_domain_id"] if store.domain else None
    return JSONResponse({"domains": list(_at_resend(store).values()), "selected_domain_id": selected})


@router.post("/domains/sync")
async def sync_resend_domain(request: Request) -> Response:
    """Take a domain that is at Resend already, in place of the one there may be."""
    platform = platform_of(request)
    resend_id = _text(await body_of(request), "resendDomainId", "domain_id")
    _need_key(platform.store)
    found = _at_resend(platform.store).get(resend_id)
    if found is None:
        raise not_found("Resend domain", "resendDomainId")
    return JSONResponse({"domain": _domain(found, platform), "message": "Domain synced"})


@router.post("/domains/verify")
async def verify_domain(request: Request) -> Response:
    """Have the records looked up. That takes a while: `refresh` shows the result."""
    return _moved(request, "pending", lambda status: status != "verified")


@router.post("/domains/refresh")
async def refresh_domain(request: Request) -> Response:
    """Read the status at Resend again."""
    return _moved(request, "verified", lambda status: status == "pending")


def _moved(request: Request, target: str, applies: Callable[[str], bool]) -> Response:
    """The domain, with a new status if that applies to the one it has."""
    platform = platform_of(request)
    _need_key(platform.store)
    domain = _the_domain(platform.store)
    if applies(domain["status"]):
        _set_status(domain, target, platform)
    return JSONResponse({"domain": domain})


def _need_key(store: Store) -> None:
    if "resend" not in store.byok_keys:
        raise ApiError(400, "invalid_request", "Add a key for resend first, with POST /byok")


def _the_domain(store: Store) -> Record:
    if store.domain is None:
        raise not_found("Domain")
    return store.domain


def _text(body: Record, name: str, alias: str) -> str:
    """A required text, under either of its names."""
    value = body.get(name, body.get(alias))
    if value is None:
        raise missing(name)
    if not isinstance(value, str):
        raise invalid(name, "must be text")
    return value


def _at_resend(store: Store) -> dict[str, Record]:
    known = {str(_AT_RESEND["id"]): _AT_RESEND}
    if store.domain is not None:
        ours = {"id": store.domain["resend_domain_id"], "name": store.domain["domain_name"]}
        known[ours["id"]] = {**ours, "status": store.domain["status"], "region": store.domain["region"]}
    return known


def _domain(at_resend: Record, platform: Platform) -> Record:
    """Make it the organization's domain."""
    name = at_resend["name"]
    platform.store.domain = {
        **domain_record(name, at_resend["id"], iso(platform.clock.unix_ms())),
        "region": at_resend["region"],
        "records": [
            _record("SPF", "MX", f"send.{name}", f"feedback-smtp.{_REGION}.amazonses.com", priority=10),
            _record("SPF", "TXT", f"send.{name}", "v=spf1 include:amazonses.com ~all"),
            _record("DKIM", "TXT", f"resend._domainkey.{name}", "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ"),
        ],
    }
    _set_status(platform.store.domain, at_resend["status"], platform)
    return platform.store.domain


def _record(record: str, kind: str, name: str, value: str, **more: int) -> Record:
    return {"record": record, "type": kind, "name": name, "value": value, "ttl": "Auto", **more}


def _set_status(domain: Record, status: str, platform: Platform) -> None:
    now = iso(platform.clock.unix_ms())
    domain.update(status=status, updated_at=now, verified_at=now if status == "verified" else None)
    for record in domain["records"]:
        record["status"] = status
