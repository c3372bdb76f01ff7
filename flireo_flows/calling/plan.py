"""A plan of calls: which leads would be called when, which not, what it costs, and digests that show a change."""

import hashlib
import hmac
import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from flireo_flows.api.calls import OutboundCall
from flireo_flows.api.errors import InvalidInput
from flireo_flows.api.identity import name_key, person_key
from flireo_flows.api.redaction import mask_phone
from flireo_flows.leads import Lead
from flireo_flows.policy import CallingPolicy
from flireo_flows.script import CallChoice, ComposeError, Composer, LeadFacts

REFERENCE: Final = "plan"  # in the place of an attempt's own


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What a run is asked to do, as far as a plan depends on it.

    Attributes:
        campaign: Attempts are counted under this name.
        policy: The rules; its `assumed_call_seconds` and `tariff` are what is estimated with.
        composer: Chooses and composes for each lead.
        requests_per_minute: What the API key allows (its `X-RateLimit-Limit`).
    """

    campaign: str
    policy: CallingPolicy
    composer: Composer
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
        first_message: As the call would begin, numbers in it masked; empty when the saved agent greets in its
            own words.
        attempts: How often the lead was called before in this campaign.
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
    def comparison(self) -> tuple[str, ...]:
        """What is compared when the plan is run."""
        return self.key, self.row, self.request, *self.kept

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
    """A row that is not called, and why.

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
class Estimate:
    """A range. The API shows no prices, so the money is the tariff's.

    Attributes:
        calls: First calls: one for each lead that is planned.
        most_calls: With every further attempt that the policy allows.
        begins_at: When the first call begins, aware; None when there is none.
        ends_at: When the last first call begins if every call is answered and lasts the assumed time.
        soonest_end: When it does if no one answers.
        in_one_run: First calls that a run started now makes before it ends; the others need a later run.
        call_seconds: How long a call is taken to last when it is answered.
        most_minutes: Of talk, when every attempt is answered.
        least_cost: When no one answers and no one is called twice.
        most_cost: When every attempt is answered.
        currency: ISO 4217; empty without a tariff.
    """

    calls: int
    most_calls: int
    begins_at: datetime | None
    ends_at: datetime | None
    soonest_end: datetime | None
    in_one_run: int
    call_seconds: int
    most_minutes: float
    least_cost: float
    most_cost: float
    currency: str

    @property
    def in_words(self) -> tuple[str, ...]:
        """Sentences, most important first."""
        if self.begins_at is None or self.ends_at is None or self.soonest_end is None:
            return ("No one would be called.",)
        return (*self._time(self.begins_at, self.soonest_end, self.ends_at), self._attempts, self._money)

    def _time(self, begins: datetime, soonest: datetime, latest: datetime) -> tuple[str, ...]:
        quick, slow = _length(soonest - begins), _length(latest - begins)
        within = (
            f"within {slow}"
            if quick == slow
            else f"within {quick} (no one answers) to {slow} (everyone talks)"
        )
        first = (
            f"{_count(self.calls, 'first call')}, the first one at {_moment(begins)}, all of them {within}."
        )
        if self.in_one_run == self.calls:
            return (first,)
        later = self.calls - self.in_one_run
        if not self.in_one_run:
            return (
                first,
                "A run started now calls no one and ends: run the same command later, or on a schedule.",
            )
        return (
            first,
            f"A run started now makes {self.in_one_run} of them and ends; {later} need a later run of the same "
            "command, or a schedule.",
        )

    @property
    def _attempts(self) -> str:
        more = self.most_calls - self.calls
        if not more:
            return "No one is called a second time."
        return f"Up to {_count(more, 'further call')} for who is not reached, as the policy allows."

    @property
    def _money(self) -> str:
        if not self.currency:
            return "No tariff is set (the policy's `tariff`), so the cost is not estimated."
        return (
            f"Cost: {self.least_cost:,.2f} {self.currency} (no one answers, no one is called twice) to "
            f"{self.most_cost:,.2f} {self.currency} (everyone talks for {self.call_seconds} seconds, rounded up to "
            "whole minutes, at every attempt). An estimate by your tariff; the API shows no prices."
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do.

    Attributes:
        created_at: Aware, UTC; the times are foreseen from here.
        digest: Of the people, their rows, what the calls would say, and the rules: equal for equal plans.
        salt: Under which the digests of people were made, hexadecimal.
        policy: The rules.
        calls: In the file's order.
        skipped: In the file's order.
        warnings: What a person should know before approving it.
        earlier: Who of these people was called before, and which leads that delays, each in a sentence.
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


def reasons_in_words(plan: Plan) -> list[str]:
    """Which rows are not called, by rule: how many, a sentence of one of them, and the first lines."""
    by_rule: dict[str, list[Skipped]] = {}
    for skip in plan.skipped:
        by_rule.setdefault(skip.rule, []).append(skip)
    sentences = []
    for rule in plan.reasons:
        skips = by_rule[rule]
        where = lines_in_words([skip.line for skip in skips], 10)
        sentences.append(f"{len(skips)} {rule.replace('_', ' ')} ({where}), such as: {skips[0].words}")
    return sentences


def lines_in_words(lines: Sequence[int], most: int = 5) -> str:
    """`lines 3, 7, 8, ...`, so many of them."""
    named = ", ".join(map(str, lines[:most])) + (", ..." if len(lines) > most else "")
    return f"line {named}" if len(lines) == 1 else f"lines {named}"


def _length(time: timedelta) -> str:
    minutes = math.ceil(time.total_seconds() / 60)
    if minutes < 120:
        return _count(max(1, minutes), "minute")
    hours = math.ceil(minutes / 60)
    return f"{hours} hours" if hours < 48 else f"{math.ceil(hours / 24)} days"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _moment(moment: datetime) -> str:
    return f"{moment:%a %Y-%m-%d %H:%M} UTC"


def salt_of(campaign: str, leads: Sequence[Lead]) -> str:
    """A salt for the digests of these people. The same file gives the same, so equal plans have equal digests.

    It keeps digests of one plan from being looked up in a table. Who has the plan's file could still try all
    numbers against it: the file is personal data, and is kept as such.
    """
    phones = "\n".join(sorted(lead.phone for lead in leads))
    return hashlib.sha256(f"{name_key(campaign)}\n{phones}".encode()).hexdigest()[:32]


def key_of(salt: str, phone: str) -> str:
    """Digest of a number; every spelling of it has the same."""
    return _digest(salt, person_key(phone))


def row_of(salt: str, lead: Lead) -> str:
    """Digest of everything a row contains."""
    return _digest(salt, canonical([lead.name, dict(lead.columns), lead.wishes.as_json()]))


def compose(composer: Composer, facts: LeadFacts) -> tuple[CallChoice, OutboundCall]:
    """What would be sent for a lead.

    Raises:
        ComposeError: No request can be made for this lead; holds the reason.
    """
    choice = composer.choose(facts)
    try:
        return choice, composer.compose(facts, choice, REFERENCE)
    except (ValidationError, InvalidInput) as error:
        raise ComposeError(f"the request would not be valid ({type(error).__name__})") from None


def request_of(salt: str, call: OutboundCall) -> str:
    """Digest of everything that is sent but the number."""
    return _digest(salt, canonical(call.model_dump(mode="json", exclude={"destination"})))


def digest_of(
    campaign: str, policy_version: str, salt: str, calls: Iterable[Sequence[str]], skipped: Iterable[str]
) -> str:
    """Digest of a plan, whatever the order of its rows: each call's `comparison`, and the keys of skipped leads."""
    rows = sorted(map(list, calls))
    content = canonical([name_key(campaign), policy_version, salt, rows, sorted(skipped)])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def canonical(value: object) -> str:
    """JSON that is the same for the same value."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def _digest(salt: str, text: str) -> str:
    return hmac.new(bytes.fromhex(salt), text.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()[:32]
