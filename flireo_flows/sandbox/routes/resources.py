"""Agents, numbers, SIP trunks and templates: records that are listed, made, read, changed and deleted alike.

Source: contract sections 6 (the later dialect calls agents assistants), 7, 8, 12 and 15.3. Templates are copied into
agents, so changing or deleting one changes no agent. A trunk is one record under the names of the later dialect; each
dialect shows its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from flireo_flows.api.fields import LATER_SPELLING
from flireo_flows.sandbox.api_errors import ApiError, invalid, missing
from flireo_flows.sandbox.clock import iso
from flireo_flows.sandbox.local_platform import Platform, platform_of
from flireo_flows.sandbox.request_forms import (
    TOOL_CONFIGS,
    AgentForm,
    AnalysisTemplateForm,
    NewNumberForm,
    NumberForm,
    RequestForm,
    ToolTemplateForm,
    TrunkForm,
    body_of,
    read_form,
    trunk_fields,
)
from flireo_flows.sandbox.routes.answers import deleted, is_later, named
from flireo_flows.sandbox.store import DEFAULTS, Record, new_id

router = APIRouter()


def _as_sent(fields: Record, now: Record, platform: Platform) -> Record:
    return fields


def _as_kept(record: Record, platform: Platform) -> Record:
    return record


def _unused(record: Record, platform: Platform) -> None:
    """Nothing refers to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What is particular about one kind of record.

    Attributes:
        section: Of the store.
        nouns: What holds one record in an answer, in the earlier and the later dialect; with an s a list.
        title: In errors.
        new: Form of the body that makes one.
        required: Fields of that body that must be sent.
        changes: Form of the body that changes one; None: none can be changed.
        kept: Fields that are kept of a body; empty for all.
        check: What to keep of the fields that were sent, given the record as it is (empty for a new one).
        shown: As the dialect has it.
        release: Before one is deleted.
    """

    section: str
    nouns: tuple[str, str]
    title: str
    new: type[RequestForm]
    required: tuple[str, ...] = ("name",)
    changes: type[RequestForm] | None
    kept: tuple[str, ...] = ()
    check: Callable[[Record, Record, Platform], Record] = _as_sent
    shown: Callable[[Record, Platform], Record] = _as_kept
    release: Callable[[Record, Platform], None] = _unused

    def records(self, platform: Platform) -> dict[str, Record]:
        """All of them, in the order they were made."""
        records: dict[str, Record] = getattr(platform.store, self.section)
        return records

    def noun(self, platform: Platform) -> str:
        """What holds one in an answer."""
        return self.nouns[is_later(platform)]

    async def list_all(self, request: Request) -> Response:
        """All of them."""
        platform = platform_of(request)
        shown = [self.shown(record, platform) for record in self.records(platform).values()]
        return JSONResponse({f"{self.noun(platform)}s": shown})

    async def create(self, request: Request) -> Response:
        """Save one. What is not sent gets a default."""
        platform = platform_of(request)
        sent = read_form(self.new, await body_of(request), required=self.required)
        fields = self._fields(sent, {}, platform)
        return self._save({**DEFAULTS[self.section], **fields, "id": new_id()}, platform, 201)

    async def get(self, request: Request) -> Response:
        """One of them."""
        platform = platform_of(request)
        record = named(request, self.records(platform), self.title)
        return JSONResponse({self.noun(platform): self.shown(record, platform)})

    async def update(self, request: Request) -> Response:
        """Change the fields that are sent. Calls that run keep what they began with."""
        platform = platform_of(request)
        now = named(request, self.records(platform), self.title)
        sent = read_form(self.changes or RequestForm, await body_of(request, changes=True))
        fields = self._fields(sent, now, platform)
        return self._save({**now, **fields, "id": now["id"]}, platform, 200)

    async def delete(self, request: Request) -> Response:
        """Delete one. Calls that refer to it stay."""
        platform = platform_of(request)
        record = named(request, self.records(platform), self.title)
        self.release(record, platform)
        del self.records(platform)[record["id"]]
        return deleted(request)

    def _fields(self, sent: Record, now: Record, platform: Platform) -> Record:
        fields = self.check(sent, now, platform)
        kept = self.kept if now else (*self.kept, *self.required)
        return {name: value for name, value in fields.items() if name in kept or not self.kept}

    def _save(self, record: Record, platform: Platform, status: int) -> Response:
        moment = iso(platform.clock.unix_ms())
        kept = {**record, "updated_at": moment, **({"created_at": moment} if status == 201 else {})}
        self.records(platform)[kept["id"]] = kept
        return JSONResponse({self.noun(platform): self.shown(kept, platform)}, status)


def _free_numbers(agent: Record, platform: Platform) -> None:
    """Take an agent from its numbers."""
    for number in platform.store.numbers.values():
        if number["agent_id"] == agent["id"]:
            number["agent_id"] = None


def _check_number(fields: Record, now: Record, platform: Platform) -> Record:
    """A number that is not registered yet, and what it names exists.

    Raises:
        ApiError: 409 or 400, it is not so. The reference has no 404 for registering a number.
    """
    store = platform.store
    for name, things in (("agent_id", store.agents), ("transfer_trunk_id", store.sip_trunks)):
        if fields.get(name) is not None and fields[name] not in things:
            raise invalid(name, "names nothing that exists")
    registered = {number["phone_number"] for number in store.numbers.values()}
    if not now and fields["phone_number"] in registered:
        raise ApiError(409, "conflict", "This number is already registered", param="phone_number")
    return fields


def _shown_number(number: Record, platform: Platform) -> Record:
    """With the names of what it refers to."""
    agent = platform.store.agents.get(number["agent_id"], {})
    trunk = platform.store.sip_trunks.get(number["transfer_trunk_id"], {})
    return {
        **number,
        "agent_name": agent.get("name"),
        "business_name": agent.get("business_name"),
        "transfer_trunk_name": trunk.get("name"),
    }


def _check_tool(fields: Record, now: Record, platform: Platform) -> Record:
    """The configuration, which is replaced as a whole, must fit the type."""
    whole = {**now, **fields}
    config = read_form(TOOL_CONFIGS[whole["tool_type"]], whole["tool_config"], under="tool_config")
    return {**whole, "tool_config": config}


def _shown_tool(template: Record, platform: Platform) -> Record:
    kind = template["tool_type"]
    return {**template, "tool_type": LATER_SPELLING.get(kind, kind) if is_later(platform) else kind}


def _check_trunk(fields: Record, now: Record, platform: Platform) -> Record:
    trunk = trunk_fields(fields)
    if trunk["address"] is None:
        raise missing("address" if is_later(platform) else "host")
    if "address" in fields and "provider" not in fields:
        raise missing("provider")  # the later body requires both
    return trunk


def _shown_trunk(trunk: Record, platform: Platform) -> Record:
    if is_later(platform):
        return {name: value for name, value in trunk.items() if name != "port"}
    shown = {name: trunk[name] for name in ("id", "name", "port", "created_at")}
    return {**shown, "host": trunk["address"], "username": trunk["auth_username"]}


def _refuse_used(trunk: Record, platform: Platform) -> None:
    if any(number["transfer_trunk_id"] == trunk["id"] for number in platform.store.numbers.values()):
        raise ApiError(409, "conflict", "A number uses this trunk; clear its transfer_trunk_id first")


_RESOURCES: Final = (
    Resource(
        section="agents",
        nouns=("agent", "assistant"),
        title="Agent",
        new=AgentForm,
        changes=AgentForm,
        release=_free_numbers,
    ),
    Resource(
        section="numbers",
        nouns=("number", "number"),
        title="Number",
        new=NewNumberForm,
        required=("phone_number",),
        changes=NumberForm,
        kept=("name", "agent_id", "transfer_trunk_id", "is_active"),
        check=_check_number,
        shown=_shown_number,
    ),
    Resource(
        section="sip_trunks",
        nouns=("trunk", "trunk"),
        title="SIP trunk",
        new=TrunkForm,
        changes=None,
        kept=("name", "address", "provider", "port", "transport", "auth_username", "is_active"),
        check=_check_trunk,
        shown=_shown_trunk,
        release=_refuse_used,
    ),
    Resource(
        section="tool_templates",
        nouns=("toolTemplate", "tool_template"),
        title="Tool template",
        new=ToolTemplateForm,
        required=("name", "tool_type", "tool_config"),
        changes=ToolTemplateForm,
        kept=("name", "description", "tool_type", "tool_config"),
        check=_check_tool,
        shown=_shown_tool,
    ),
    Resource(
        section="analysis_templates",
        nouns=("analysisTemplate", "analysis_template"),
        title="Analysis template",
        new=AnalysisTemplateForm,
        required=("name", "schema"),
        changes=AnalysisTemplateForm,
        kept=("name", "description", "system_prompt", "user_prompt", "schema"),
    ),
)


def _add_routes(resource: Resource, path: str) -> None:
    """The operations of a kind of record. A route's name is the operation's id in the reference."""
    one = resource.section.removesuffix("s")
    makes = "register" if one == "number" else "create"
    router.get(path, name=f"list_{one}s")(resource.list_all)
    router.post(path, name=f"{makes}_{one}")(resource.create)
    router.get(f"{path}/{{id}}", name=f"get_{one}")(resource.get)
    if resource.changes:
        router.patch(f"{path}/{{id}}", name=f"update_{one}")(resource.update)
    router.delete(f"{path}/{{id}}", name=f"delete_{one}")(resource.delete)


for _resource in _RESOURCES:
    _add_routes(_resource, f"/{_resource.section.replace('_', '-')}")
_add_routes(_RESOURCES[0], "/assistants")
