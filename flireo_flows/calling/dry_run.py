"""The dry run: plan which leads would be called when, from which number and with which words. Sends nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from flireo_flows.api.calls import OutboundCall
from flireo_flows.api.redaction import mask_numbers, mask_phone
from flireo_flows.calling.plan import (
    Plan,
    PlannedCall,
    PlanRequest,
    Skipped,
    compose,
    digest_of,
    key_of,
    request_of,
    row_of,
    salt_of,
)
from flireo_flows.calling.plan_notes import cautions, confidence, number_cautions, reading_notes, zone_notes
from flireo_flows.calling.saved_plan import only_planned
from flireo_flows.calling.simulation import HORIZON, Forecast, Pace, Prospect, estimate, forecast
from flireo_flows.leads import Lead, LeadBatch, LeadFormat, RejectCode, read_do_not_call, read_leads
from flireo_flows.ledger.past import KnownPerson, Past, read_past
from flireo_flows.lifecycle.states import CampaignState, LeadState, Reason
from flireo_flows.policy import (
    CallingPolicy,
    Deny,
    History,
    PolicyLead,
    Rule,
    explain,
    held_by_others,
    location_of,
)
from flireo_flows.script import ComposeError, Composer, LeadFacts, NoClientNumberError

RING_SECONDS: Final = 25.0  # a call that no one answers
NEW: Final = KnownPerson()


async def plan_file(
    leads: Path,
    lead_format: LeadFormat,
    wanted: PlanRequest,
    ledger_url: str,
    now: datetime,
    *,
    do_not_call: Path | None = None,
    saved: Path | None = None,
) -> Plan:
    """Plan a run of a file of leads. A ledger that is not there is not made.

    Args:
        leads: CSV or Excel file, one person a row.
        lead_format: How to read it.
        wanted: What the run is asked to do.
        ledger_url: Of the ledger.
        now: When the run would begin, aware.
        do_not_call: File of numbers that must not be called; None for none.
        saved: A saved plan, outside which no one is called; None for no such plan.

    Raises:
        DeclinedError: The campaign's name is one that an event masked.
        LeadFileError: A file cannot be read; names what, where, and what to do.
        LedgerError: The ledger is there and cannot be read.
        PlanError: The saved plan cannot be read, or something else would be done.
    """
    forbidden = read_do_not_call(do_not_call, lead_format.default_region) if do_not_call else frozenset()
    batch = read_leads(leads, lead_format, forbidden)
    if saved:
        batch = only_planned(batch, saved, wanted, forbidden)
    phones = [lead.phone for lead in batch.leads]
    return make_plan(batch, wanted, await read_past(ledger_url, wanted.campaign, phones, wanted.policy), now)


def make_plan(batch: LeadBatch, wanted: PlanRequest, past: Past, now: datetime) -> Plan:
    """Plan a run.

    Args:
        batch: What the file gave.
        wanted: What the run is asked to do.
        past: What happened before.
        now: When the run would begin, aware.
    """
    start, salt = now.astimezone(UTC), salt_of(wanted.campaign, batch.leads)
    composer = wanted.composer.with_assumed_models(batch.leads)
    skipped = [Skipped(it.line, "", str(it.code), it.message) for it in batch.rejects]
    drafts: list[tuple[PlannedCall, Prospect]] = []
    for lead in batch.leads:
        draft = _draft(lead, composer, past, salt, wanted.policy)
        if isinstance(draft, Skipped):
            skipped.append(draft)
        else:
            drafts.append(draft)
    prospects = [prospect for _, prospect in drafts]
    slow, quick = _foresee(prospects, wanted, past, start)
    calls: list[PlannedCall] = []
    for (call, _), verdict in zip(drafts, slow.verdicts, strict=True):
        if isinstance(verdict, Deny):
            skip = Skipped(call.line, call.masked, str(verdict.reason), _why(verdict), call.key)
            skipped.append(skip)
        else:
            at = verdict.astimezone(ZoneInfo(call.zones[0])) if verdict and call.zones else verdict
            calls.append(replace(call, at=at))
    skipped.sort(key=lambda skip: skip.line)
    keys = [skip.key for skip in skipped if skip.key]
    return Plan(
        campaign=wanted.campaign,
        created_at=start,
        digest=digest_of(
            wanted.campaign, wanted.policy.version, salt, [call.comparison for call in calls], keys
        ),
        salt=salt,
        policy=wanted.policy,
        calls=tuple(calls),
        skipped=tuple(skipped),
        warnings=(
            *_warnings(calls, skipped, batch.leads, wanted, past),
            *zone_notes([it.lead for it in prospects], slow.verdicts, wanted.policy, start),
            *reading_notes(batch),
        ),
        estimate=estimate(slow, quick, [call.attempts for call in calls], wanted.policy, start),
        earlier=tuple(_earlier([it.history for it in prospects], wanted.policy, past, start)),
    )


def _draft(
    lead: Lead, composer: Composer, past: Past, salt: str, policy: CallingPolicy
) -> tuple[PlannedCall, Prospect] | Skipped:
    """A lead to call, before it is known when."""
    known = past.people.get(lead.phone, NEW)
    if past.standing.state is CampaignState.CANCELLED:
        why = f"The campaign was {past.standing.in_words}."
        return _skipped(lead, salt, str(Rule.CAMPAIGN_CANCELLED), why)
    # Where it is only the hours that its zones do not share, a run asks again: the row or the policy may be mended.
    if known.state in SETTLED and known.reason != Reason.NO_SHARED_HOURS:
        return _skipped(lead, salt, str(known.state), SETTLED[known.state] + _because(known))
    facts = LeadFacts(lead.phone, lead.name, lead.columns, lead.wishes, known.number_id, known.variant)
    try:
        choice, call = compose(composer, facts)
    except NoClientNumberError as error:
        return _skipped(lead, salt, str(LeadState.REVIEW), f"It goes to review: {error}.")
    except ComposeError as error:
        return _skipped(lead, salt, str(RejectCode.MISSING_VARIABLE), f"{error}.".replace("..", "."))
    wishes = lead.wishes
    who = PolicyLead(
        lead.phone,
        lead.zones,
        lead.zone_source,
        wishes.consent,
        wishes.dial_before,
        lead.state,
        lead.postcode,
    )
    place = location_of(who, policy.wide_zones)
    planned = PlannedCall(
        line=lead.line,
        phone=lead.phone,
        at=None,
        zones=place.zones,
        confidence=confidence(place),
        choice=choice,
        first_message=mask_numbers(greeting_of(call)),
        attempts=known.history.attempts,
        key=key_of(salt, lead.phone),
        row=row_of(salt, lead),
        request=request_of(salt, call),
        kept=(facts.number_id, facts.variant),
    )
    return planned, Prospect(who, known.history)


# A run leaves these leads alone; a skipped lead is decided about again.
SETTLED: Final[Mapping[LeadState, str]] = {
    LeadState.CALLING: "A call of this campaign is going on, or its result is not in yet",
    LeadState.DONE: "Called already in this campaign",
    LeadState.REVIEW: "A person has to look at it first",
}


def greeting_of(call: OutboundCall) -> str:
    """The words a call begins with, as far as the request contains them."""
    settings = call.agent_config or call.assistant_override
    return call.first_message or (settings.first_message if settings else None) or ""


def _foresee(
    prospects: Sequence[Prospect], wanted: PlanRequest, past: Past, start: datetime
) -> tuple[Forecast, Forecast]:
    """With every call answered, and with none."""
    policy, rate = wanted.policy, wanted.requests_per_minute
    slow = forecast(prospects, start, policy, Pace(rate, policy.assumed_call_seconds), past.campaign)
    # How long calls last matters only where they wait for each other, or where caps count their minutes.
    caps = (policy.caps_per_run, policy.caps_per_day, policy.caps_per_campaign)
    if not slow.waited and not any(cap.minutes or cap.money for cap in caps):
        return slow, slow
    return slow, forecast(prospects, start, policy, Pace(rate, RING_SECONDS), past.campaign)


def _earlier(
    histories: Sequence[History], policy: CallingPolicy, past: Past, start: datetime
) -> Iterator[str]:
    """Who was called before, and which leads the calls of others hold back until when."""
    if sentence := past.earlier.in_words:
        yield sentence
    if not past.knows_account:
        yield (
            "This ledger has not read the account's calls of the last 7 days: a run does so before it calls anyone, "
            "and holds back the people they reached lately."
        )
    held = [until for it in histories if it.other_calls and (until := held_by_others(policy, start, it))]
    if not held:
        return
    first, last = f"{min(held):%Y-%m-%d %H:%M} UTC", f"{max(held):%Y-%m-%d %H:%M} UTC"
    when = f"until {first}" if first == last else f"the first until {first}, the last until {last}"
    who = "1 of them is" if len(held) == 1 else f"{len(held)} of them are"
    yield f"{who} held back, as others called them lately (other_campaigns of the policy): {when}."


def _warnings(
    calls: Sequence[PlannedCall],
    skipped: Sequence[Skipped],
    leads: Sequence[Lead],
    wanted: PlanRequest,
    past: Past,
) -> Iterator[str]:
    if past.standing.state is CampaignState.PAUSED:
        yield f"The campaign is {past.standing.in_words}: no one is called until it is resumed."
    if past.kept_list.numbers:
        yield f"The campaign's {past.kept_list.in_words} applies, beside any that this run is given."
    late = sum(call.at is None for call in calls)
    if late:
        yield f"At these limits {late} leads would not be called within {HORIZON.days} days."
    review = {skip.line for skip in skipped if skip.rule == LeadState.REVIEW}
    clients = [lead.wishes.client for lead in leads if lead.line in review and lead.wishes.client]
    yield from number_cautions([call.choice.number_id for call in calls], clients)
    uncertain = sum(len(call.zones) > 1 for call in calls)
    yield from cautions(wanted.policy, [call.first_message for call in calls], uncertain)


def _skipped(lead: Lead, salt: str, rule: str, why: str) -> Skipped:
    return Skipped(lead.line, mask_phone(lead.phone), rule, why, key_of(salt, lead.phone))


def _why(denial: Deny) -> str:
    why = explain(denial)
    if denial.reason is Rule.ZONE_UNKNOWN and not denial.inputs.get("zones"):
        return f"{why}: neither its number nor its row shows it; give it a time zone, a state or a postcode"
    return why


def _because(known: KnownPerson) -> str:
    outcome = known.history.last_outcome
    why = known.why or (str(outcome) if outcome else "")
    return f": {why.replace('_', ' ')}." if why else "."
