"""The state of a sandbox, as a state file holds it: settings, and what the organization owns.

A section that is given stands for all there is of its kind; one that is left out holds what a new sandbox
holds. What `GET /sandbox/state` answers is such a file, and means the same. Calls are no part of it.
"""

from collections.abc import Mapping
from datetime import time
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from flireo_flows.api.campaigns import CampaignStatus, LeadStatus, ZoneName
from flireo_flows.sandbox.api_errors import ApiError, missing
from flireo_flows.sandbox.campaigns import DailyHours, SandboxCampaign, SandboxLead
from flireo_flows.sandbox.clock import ScaledClock, iso
from flireo_flows.sandbox.request_forms import (
    AgentForm,
    AnalysisTemplateForm,
    NewNumberForm,
    RequestForm,
    ToolTemplateForm,
    TrunkForm,
    read_form,
    trunk_fields,
)
from flireo_flows.sandbox.settings import Phone, SandboxSettings
from flireo_flows.sandbox.store import (
    DEFAULTS,
    DEMO_AGENT_ID,
    DEMO_NUMBER,
    DEMO_NUMBER_ID,
    ORGANIZATION_ID,
    Record,
    Store,
    demo_agent,
    domain_record,
    new_id,
    seed_store,
)


class SeedLead(BaseModel):
    """A lead. One that was called comes back as skipped or failed: its call is no part of a state."""

    model_config = ConfigDict(extra="ignore")

    id: str = Field(default_factory=new_id)
    phone_number: Phone
    name: str | None = None
    variables: dict[str, str] = Field(default_factory=dict)
    status: LeadStatus = LeadStatus.PENDING


class SeedCampaign(BaseModel):
    """A campaign with its leads."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(min_length=1)
    agent_id: str = Field(min_length=1)
    system_message_template: str | None = None
    schedule_start_time: time | None = None
    schedule_end_time: time | None = None
    timezone: ZoneName | None = None
    status: CampaignStatus = CampaignStatus.DRAFT
    leads: list[SeedLead] = Field(default_factory=list)


def campaign_of(identity: str, seed: SeedCampaign, created_ms: int) -> SandboxCampaign:
    """The campaign of a seed. It does not dial yet."""
    campaign = SandboxCampaign(
        id=identity,
        name=seed.name,
        agent_id=seed.agent_id,
        created_ms=created_ms,
        updated_ms=created_ms,
        system_message_template=seed.system_message_template,
        window=DailyHours(seed.schedule_start_time, seed.schedule_end_time, seed.timezone),
        status=seed.status,
    )
    for lead in seed.leads:
        add_lead(campaign, lead, created_ms)
    return campaign


def add_lead(campaign: SandboxCampaign, seed: SeedLead, created_ms: int) -> SandboxLead:
    """Add a lead to a campaign, even one who is in it already."""
    campaign.leads[seed.id] = lead = SandboxLead(
        id=seed.id,
        campaign_id=campaign.id,
        phone_number=seed.phone_number,
        name=seed.name,
        variables=seed.variables,
        created_ms=created_ms,
        refused=seed.status is LeadStatus.FAILED,
        skipped=seed.status not in (LeadStatus.PENDING, LeadStatus.FAILED),
    )
    return lead


def seed_of(campaign: SandboxCampaign) -> dict[str, Any]:
    """The campaign as a state file holds it, in plain JSON."""
    record, names = campaign.as_record(), SeedCampaign.model_fields
    fields = {name: value for name, value in record.items() if name in names}
    leads = [
        {name: value for name, value in lead.as_record().items() if name in SeedLead.model_fields}
        for lead in campaign.leads.values()
    ]
    return {**fields, "leads": leads}


class StateError(ValueError):
    """A state that no sandbox can be in. The message names the place and the problem."""


def _by_id(value: Any) -> Any:
    """Records by id; a list names its ids in the records, or leaves them to us."""
    if not isinstance(value, list):
        return value
    records = [(_id_in(one) or new_id(), one) for one in value]
    if len({identity for identity, _ in records}) < len(records):
        raise ValueError("an id is there twice")
    return dict(records)


def _id_in(record: object) -> str | None:
    identity = record.get("id") if isinstance(record, dict) else None
    return str(identity) if identity else None


Records = Annotated[dict[str, Record], BeforeValidator(_by_id)]


class Contents(BaseModel):
    """What the organization owns, by id. None: what a new sandbox has."""

    model_config = ConfigDict(extra="forbid")

    agents: Records | None = Field(None, description="Fields as in `POST /agents`.")
    numbers: Records | None = Field(None, description="Fields as in `POST /numbers`.")
    tool_templates: Records | None = Field(None, description="Fields as in `POST /tool-templates`.")
    analysis_templates: Records | None = Field(None, description="Fields as in `POST /analysis-templates`.")
    sip_trunks: Records | None = Field(None, description="`name`, and `address` or `host`.")
    campaigns: Annotated[dict[str, SeedCampaign], BeforeValidator(_by_id)] | None = Field(
        None, description="Fields as in `POST /campaigns`, and `status`."
    )
    byok_keys: dict[str, str] | None = Field(None, description="Vault id by provider.")
    domain: Record | None = Field(None, description="`domain_name`; the rest is filled in.")


class SandboxState(Contents):
    """A whole state: the form of a state file."""

    settings: SandboxSettings = Field(default_factory=SandboxSettings)


def fill_store(settings: SandboxSettings, contents: Contents, clock: ScaledClock) -> Store:
    """A store with the contents of a state.

    Raises:
        StateError: A record lacks a field, has a wrong one, or names something that is not there.
    """
    store, created_ms = seed_store(settings, clock), round(clock.born * 1000)
    for section in _FORMS:
        records: Mapping[str, Record] | None = getattr(contents, section)
        if records is not None:
            filled = {
                identity: _completed(section, identity, record, iso(created_ms), settings)
                for identity, record in records.items()
            }
            setattr(store, section, filled)
    if contents.campaigns is not None:
        store.campaigns = {
            identity: campaign_of(identity, seed, created_ms) for identity, seed in contents.campaigns.items()
        }
    if contents.byok_keys is not None:
        store.byok_keys = dict(contents.byok_keys)
    if contents.domain is not None:
        store.domain = _domain(contents.domain, iso(created_ms))
    _mend_demo(store, contents)
    _check_references(store)
    return store


def state_of(store: Store, settings: SandboxSettings, faults: Mapping[str, Any]) -> dict[str, Any]:
    """The present state, in plain JSON, as a file could hold it.

    Args:
        store: What there is.
        settings: In force.
        faults: Those of the settings that are in force by now.
    """
    names = SandboxSettings.model_fields
    present = {**settings.model_dump(mode="json"), "minutes_balance": store.minutes_balance}
    present.update({name: value for name, value in faults.items() if name in names})
    sections = {section: dict(getattr(store, section)) for section in _FORMS}
    campaigns = {identity: seed_of(campaign) for identity, campaign in store.campaigns.items()}
    return {
        "settings": present,
        **sections,
        "campaigns": campaigns,
        "byok_keys": dict(store.byok_keys),
        "domain": store.domain,
    }


def _completed(
    section: str, identity: str, record: Record, created: str, settings: SandboxSettings
) -> Record:
    form, required = _FORMS[section]
    demo: Record = {}
    if (section, identity) == ("agents", DEMO_AGENT_ID):
        demo = demo_agent(settings)
    elif (section, identity) == ("numbers", DEMO_NUMBER_ID):
        demo = {"phone_number": DEMO_NUMBER}
    try:
        fields = _checked(form, record)
        if section == "sip_trunks":
            fields = trunk_fields(fields)
        moments = {"created_at": created, "updated_at": created}
        whole = {**DEFAULTS[section], **moments, **demo, **fields, "id": identity}
        for name in required:
            if not whole.get(name) and whole.get(name) != {}:
                raise missing(name)
    except ApiError as refusal:
        raise StateError(f"{section}.{identity}: {refusal.message}") from None
    return {**whole, "org_id": whole["org_id"] or ORGANIZATION_ID} if "org_id" in whole else whole


def _domain(record: Record, created: str) -> Record:
    name = record.get("domain_name")
    if not name:
        raise StateError("domain: domain_name is required")
    return {**domain_record(name, "sandbox-resend-domain", created), "id": "sandbox-domain", **record}


def _checked(form: type[RequestForm], record: Record) -> Record:
    """The record, if its fields have the right types. Any may be null: so the API writes what is not set."""
    nulls = {name: value for name, value in record.items() if value is None}
    return {**read_form(form, {name: record[name] for name in record.keys() - nulls.keys()}), **nulls}


def _mend_demo(store: Store, contents: Contents) -> None:
    """The demo number is not to name an agent or a trunk that the state has replaced."""
    number = store.numbers.get(DEMO_NUMBER_ID)
    if number is None or contents.numbers is not None:
        return
    for field, there in (("agent_id", store.agents), ("transfer_trunk_id", store.sip_trunks)):
        if number[field] not in there:
            number[field] = None


def _check_references(store: Store) -> None:
    """Whoever names an agent or a trunk names one that is there."""
    for identity, number in store.numbers.items():
        for field, there in (("agent_id", store.agents), ("transfer_trunk_id", store.sip_trunks)):
            if number[field] is not None and number[field] not in there:
                raise StateError(f"numbers.{identity}.{field}: there is no {number[field]!r} in the state")
    phones = [number["phone_number"] for number in store.numbers.values()]
    if len(phones) != len(set(phones)):
        raise StateError("numbers: a phone_number is there twice")
    for identity, campaign in store.campaigns.items():
        if campaign.agent_id not in store.agents:
            raise StateError(f"campaigns.{identity}.agent_id: there is no {campaign.agent_id!r} in the state")


# Each section's form, and the fields without which a record is none.
_FORMS: Final[Mapping[str, tuple[type[RequestForm], tuple[str, ...]]]] = {
    "agents": (AgentForm, ("name",)),
    "numbers": (NewNumberForm, ("phone_number",)),
    "tool_templates": (ToolTemplateForm, ("name", "tool_type", "tool_config")),
    "analysis_templates": (AnalysisTemplateForm, ("name", "schema")),
    "sip_trunks": (TrunkForm, ("name", "address")),
}
