"""The dry run: who would be rung when, from which number, with which words; who not, and why. Sends nothing."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from flireo_flows.api.calls import OutboundCall
from flireo_flows.api.redaction import mask_numbers, mask_phone
from flireo_flows.calling.cautions import cautions, number_cautions
from flireo_flows.calling.estimate import Estimate, estimate
from flireo_flows.calling.fingerprints import (
    compose,
    digest_of,
    key_of,
    request_of,
    row_of,
    salt_of,
    without_asking,
)
from flireo_flows.calling.reading_notes import reading_notes
from flireo_flows.calling.simulation import HORIZON, Foreseen, Pace, Prospect, foresee
from flireo_flows.calling.zone_notes import confidence, zone_notes
from flireo_flows.leads.lead import Lead, LeadBatch, RejectCode
from flireo_flows.ledger.past import Known, Past
from flireo_flows.lifecycle.reasons import Reason
from flireo_flows.lifecycle.states import CampaignState, LeadState
from flireo_flows.policy import (
    CallingPolicy,
    Deny,
    History,
    PolicyLead,
    Rule,
    explain_denial,
    held_by_others,
    location_of,
)
from flireo_flows.script.call_choice import CallChoice, ComposeError, Composes, LeadFacts, NoClientNumberError

RING_SECONDS: Final = 25.0  # a call that nobody answers
LINES_SHOWN: Final = 10
NEW: Final = Known()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run is asked to do, as far as a plan depends on it.

    Attributes:
        campaign: Attempts are counted under this name.
        policy: The rules; its `assumed_call_seconds` and `tariff` are what is estimated with.
        composer: Chooses and composes for each lead.
        requests_per_minute: What the API key allows (its `X-RateLimit-Limit`).
    """

    campaign: str
    policy: CallingPolicy
    composer: Composes
    requests_per_minute: float = 100.0


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A lead's next call.

    Attributes:
        line: Of the file.
        phone: E.164; shown masked only.
        at: When, on the lead's own clock: about, and not before. None when that is more than a year ahead.
        zones: IANA names of every zone the person may be in.
        confidence: How sure that is, in words.
        choice: Agent, number and variant.
        first_message: As the lead would hear it, numbers in it masked; empty when the saved agent greets in its
            own words.
        attempts: How often the lead was rung before in this campaign.
        key: Digest of the number under the plan's salt.
        row: Digest of the row.
        request: Digest of everything that would be sent but the number.
        kept: Caller id and variant of an earlier attempt, which the choice keeps; empty at the first.
    """

    line: int
    phone: str = field(repr=False)
    at: datetime | None
    zones: tuple[str, ...]
    confidence: str
    choice: CallChoice
    first_message: str
    attempts: int
    key: str
    row: str
    request: str
    kept: tuple[str, str] = ("", "")

    @property
    def masked(self) -> str:
        """The number, masked."""
        return mask_phone(self.phone)

    @property
    def when(self) -> str:
        """`Tue 2026-03-03 09:00 Europe/Amsterdam`; with several zones, from the earliest clock to the latest."""
        if self.at is None:
            return "more than a year ahead"
        if len(self.zones) < 2:
            return f"{self.at:%a %Y-%m-%d %H:%M} {self.zones[0] if self.zones else 'UTC'}"
        clocks = sorted({self.at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for zone in self.zones})
        first, last = clocks[0], clocks[-1]
        until = f" to {last:%a %H:%M}" if last.date() != first.date() else f" to {last:%H:%M}"
        span = until if last != first else ""
        return f"{first:%a %Y-%m-%d %H:%M}{span} in its {len(self.zones)} zones"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that is not rung, and why.

    Attributes:
        line: Of the file.
        phone: Masked; empty when the row holds no usable number.
        rule: A `Rule`, a `RejectCode`, or the state of a lead that is no longer waiting.
        words: Why, in a sentence.
        key: Digest of the number; empty when the row is no lead.
    """

    line: int
    phone: str
    rule: str
    words: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do.

    Attributes:
        created_at: Aware, UTC; the times are foreseen from here.
        digest: Of the people, their rows, what would be said, and the rules: equal for equal plans.
        salt: Under which the digests of people were made, hexadecimal.
        policy: The rules.
        calls: In the file's order.
        skipped: In the file's order.
        warnings: What a person should know before approving it.
        earlier: Who of these people was called before, and whom that delays, each in a sentence.
    """

    campaign: str
    created_at: datetime
    digest: str
    salt: str
    policy: CallingPolicy
    calls: tuple[PlannedCall, ...]
    skipped: tuple[Skipped, ...]
    warnings: tuple[str, ...]
    estimate: Estimate
    earlier: tuple[str, ...] = ()

    @property
    def reasons(self) -> dict[str, int]:
        """How many are skipped, by rule, most first."""
        return dict(Counter(skip.rule for skip in self.skipped).most_common())


def make_plan(batch: LeadBatch, wanted: Wanted, past: Past, now: datetime) -> Plan:
    """Plan a run.

    Args:
        batch: What the file gave.
        wanted: What the run is asked to do.
        past: What happened before.
        now: When the run would begin, aware.
    """
    start, salt = now.astimezone(UTC), salt_of(wanted.campaign, batch.leads)
    composer = without_asking(wanted.composer, batch.leads)
    skipped = [Skipped(it.line, "", str(it.code), it.message) for it in batch.rejects]
    drafts: list[_Draft] = []
    for lead in batch.leads:
        draft = _draft(lead, composer, past, salt)
        if isinstance(draft, Skipped):
            skipped.append(draft)
        else:
            drafts.append(draft)
    slow, quick = _foresee([draft.prospect for draft in drafts], wanted, past, start)
    calls: list[PlannedCall] = []
    for draft, verdict in zip(drafts, slow.verdicts, strict=True):
        if isinstance(verdict, Deny):
            skipped.append(_skipped(draft.lead, salt, str(verdict.reason), _why(verdict)))
        else:
            calls.append(draft.call(verdict, wanted.policy))
    skipped.sort(key=lambda skip: skip.line)
    keys = [skip.key for skip in skipped if skip.key]
    return Plan(
        campaign=wanted.campaign,
        created_at=start,
        digest=digest_of(wanted.campaign, wanted.policy.version, salt, calls, keys),
        salt=salt,
        policy=wanted.policy,
        calls=tuple(calls),
        skipped=tuple(skipped),
        warnings=(
            *_warnings(calls, skipped, batch.leads, wanted, past),
            *_zone_notes(drafts, slow.verdicts, wanted.policy, start),
            *reading_notes(batch),
        ),
        estimate=estimate(slow, quick, [call.attempts for call in calls], wanted.policy, start),
        earlier=tuple(_earlier([draft.prospect.history for draft in drafts], wanted.policy, past, start)),
    )


def reasons_in_words(plan: Plan) -> list[str]:
    """Who is not rung, by rule: how many, a sentence of one of them, and the first lines."""
    by_rule: dict[str, list[Skipped]] = {}
    for skip in plan.skipped:
        by_rule.setdefault(skip.rule, []).append(skip)
    told = []
    for rule in plan.reasons:
        lines = [str(skip.line) for skip in by_rule[rule]]
        named = ", ".join(lines[:LINES_SHOWN]) + (", ..." if len(lines) > LINES_SHOWN else "")
        where = f"line {named}" if len(lines) == 1 else f"lines {named}"
        told.append(f"{len(lines)} {rule.replace('_', ' ')} ({where}), such as: {by_rule[rule][0].words}")
    return told


@dataclass(frozen=True, slots=True)
class _Draft:
    """A lead to be rung, before it is known when."""

    lead: Lead
    prospect: Prospect
    facts: LeadFacts
    choice: CallChoice
    first_message: str
    key: str
    row: str
    request: str

    def call(self, at: datetime | None, policy: CallingPolicy) -> PlannedCall:
        place = location_of(self.prospect.lead, policy.wide_zones)
        zones = place.zones
        return PlannedCall(
            line=self.lead.line,
            phone=self.lead.phone,
            at=at.astimezone(ZoneInfo(zones[0])) if at and zones else at,
            zones=zones,
            confidence=confidence(place),
            choice=self.choice,
            first_message=self.first_message,
            attempts=self.prospect.history.attempts,
            key=self.key,
            row=self.row,
            request=self.request,
            kept=(self.facts.number_id, self.facts.variant),
        )


def _draft(lead: Lead, composer: Composes, past: Past, salt: str) -> _Draft | Skipped:
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
    return _Draft(
        lead=lead,
        prospect=Prospect(
            PolicyLead(
                lead.phone,
                lead.zones,
                lead.zone_source,
                wishes.consent,
                wishes.dial_before,
                lead.state,
                lead.postcode,
            ),
            known.history,
        ),
        facts=facts,
        choice=choice,
        first_message=mask_numbers(greeting_of(call)),
        key=key_of(salt, lead.phone),
        row=row_of(salt, lead),
        request=request_of(salt, call),
    )


# A run leaves these leads alone; who was skipped is asked about anew.
SETTLED: Final[Mapping[LeadState, str]] = {
    LeadState.CALLING: "A call of this campaign is going on, or its result is not in yet",
    LeadState.DONE: "Rung already in this campaign",
    LeadState.REVIEW: "A person has to look at it first",
}


def greeting_of(call: OutboundCall) -> str:
    """The words a call begins with, as far as the request says them."""
    settings = call.agent_config or call.assistant_override
    return call.first_message or (settings.first_message if settings else None) or ""


def _foresee(
    prospects: Sequence[Prospect], wanted: Wanted, past: Past, start: datetime
) -> tuple[Foreseen, Foreseen]:
    """With everybody talking, and with nobody answering."""
    policy, rate = wanted.policy, wanted.requests_per_minute
    slow = foresee(prospects, start, policy, Pace(rate, policy.assumed_call_seconds), past.campaign)
    # How long calls last matters only where they wait for each other, or where caps count their minutes.
    caps = (policy.caps_per_run, policy.caps_per_day, policy.caps_per_campaign)
    if not slow.waited and not any(cap.minutes or cap.money for cap in caps):
        return slow, slow
    return slow, foresee(prospects, start, policy, Pace(rate, RING_SECONDS), past.campaign)


def _earlier(
    histories: Sequence[History], policy: CallingPolicy, past: Past, start: datetime
) -> Iterator[str]:
    """Who was called before, and whom the calls of others hold back until when."""
    if sentence := past.earlier.in_words:
        yield sentence
    if not past.knows_account:
        yield (
            "This ledger has not read the account's calls of the last 7 days: a run does so before it calls anyone, "
            "and holds back whom they reached lately."
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
    wanted: Wanted,
    past: Past,
) -> Iterator[str]:
    if past.standing.state is CampaignState.PAUSED:
        yield f"The campaign is {past.standing.in_words}: nobody is rung until it is resumed."
    if past.kept_list.numbers:
        yield f"The campaign's {past.kept_list.in_words} applies, beside any that this run is given."
    late = sum(call.at is None for call in calls)
    if late:
        yield f"At these limits {late} leads would not be rung within {HORIZON.days} days."
    review = {skip.line for skip in skipped if skip.rule == LeadState.REVIEW}
    clients = [lead.wishes.client for lead in leads if lead.line in review and lead.wishes.client]
    yield from number_cautions([call.choice.number_id for call in calls], clients)
    uncertain = sum(len(call.zones) > 1 for call in calls)
    yield from cautions(wanted.policy, [call.first_message for call in calls], uncertain)


def _zone_notes(
    drafts: Sequence[_Draft],
    verdicts: Sequence[datetime | Deny | None],
    policy: CallingPolicy,
    start: datetime,
) -> Iterator[str]:
    pairs = [(draft.prospect.lead, verdict) for draft, verdict in zip(drafts, verdicts, strict=True)]
    planned = [(lead, verdict) for lead, verdict in pairs if not isinstance(verdict, Deny)]
    for_review = [lead for lead, verdict in pairs if isinstance(verdict, Deny) and verdict.needs_review]
    return zone_notes(planned, for_review, policy, start)


def _skipped(lead: Lead, salt: str, rule: str, why: str) -> Skipped:
    return Skipped(lead.line, mask_phone(lead.phone), rule, why, key_of(salt, lead.phone))


def _why(denial: Deny) -> str:
    why = explain_denial(denial)
    if denial.reason is Rule.ZONE_UNKNOWN and not denial.inputs.get("zones"):
        return f"{why}: neither its number nor its row tells it; give it a time zone, a state or a postcode"
    return why


def _because(known: Known) -> str:
    outcome = known.history.last_outcome
    why = known.why or (str(outcome) if outcome else "")
    return f": {why.replace('_', ' ')}." if why else "."
