"""`flireo-flows why`: why was, or wasn't, this person called? Read from the ledger; sends nothing."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from flireo_flows.cli.options import KnownCampaign
from flireo_flows.cli.pause import in_ledger
from flireo_flows.cli.suppressions import read_number

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from flireo_flows.ledger.audit import AttemptAudit, CampaignAudit, DecisionAudit


def why(
    phone: str,
    *,
    campaign: KnownCampaign,
    default_region: str = "",
    json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Show why a person was, or was not, called: every decision with its rule, every attempt, what comes next.

    Parameters
    ----------
    phone
        The number.
    campaign
        Name of the campaign.
    default_region
        Country of a number without a country code, such as NL.
    json
        Print JSON for programs instead of words.
    """
    from dataclasses import asdict
    from json import dumps

    from flireo_flows.api.redaction import mask_phone
    from flireo_flows.ledger.audit import audit_lead

    number = read_number(phone, default_region)
    found = in_ledger(lambda database: audit_lead(database, number, campaign))
    if json:
        print(dumps({"phone": mask_phone(number), **asdict(found)}, indent=2))
    else:
        print("\n".join(explain_lead(found, mask_phone(number))))
    return 0


def explain_lead(audit: "CampaignAudit", shown: str) -> Iterator[str]:
    """The audit in lines.

    Args:
        audit: What the ledger knows.
        shown: The number, masked.
    """
    clock = LeadClock(
        audit.lead.zones if audit.lead else (),
        audit.lead.zone_source if audit.lead else "",
    )
    yield f"{shown} in campaign {audit.campaign}: {_in_short(audit)}"
    yield ""
    if audit.attempts or audit.decisions:
        yield f"Times are {clock.whose}."
    lines = [(it.first_at, 0, _decided(it, clock)) for it in audit.decisions]
    lines += [(it.began_at, 1, _tried(it, clock)) for it in audit.attempts]
    for at, _, words in sorted(lines):
        yield f"  {clock.show(at)}  {words}"
    if audit.lead and not lines:
        yield "  Nothing was decided about it yet."
    yield ""
    yield f"Next: {_next(audit, clock)}"


class LeadClock:
    """Shows times on the clock of the zones that number and row allow, or in UTC where these differ.

    Attributes:
        whose: In words.
    """

    def __init__(self, zones: tuple[str, ...], source: str = "number") -> None:
        from datetime import UTC
        from zoneinfo import ZoneInfo

        try:
            self._zones = [ZoneInfo(zone) for zone in zones]
        except (KeyError, ValueError, OSError):  # a name that this computer does not know
            self._zones = []
        self._utc = UTC
        if not self._zones:
            self.whose = "UTC, for the time zone is not known"
        elif len(zones) == 1:
            self.whose = f"on the clock of {zones[0]} ({_sources(source, 1)[0]})"
        else:
            sources = _sources(source, len(zones))
            if len(set(sources)) == 1:
                several = f"several zones ({', '.join(zones)}) by {sources[0]}"
            else:
                each = zip(zones, sources, strict=True)
                several = f"several zones: {', '.join(f'{zone} ({where})' for zone, where in each)}"
            self.whose = f"on their clock, or UTC where that may be in {several}"

    def show(self, seconds: float) -> str:
        """`2026-03-02 09:00`; where zones disagree `2026-03-02 14:00 UTC (there 06:00 to 09:00)`."""
        there = [self._at(seconds, zone) for zone in self._zones]
        wall = sorted({moment.replace(tzinfo=None) for moment in there})
        if len(wall) == 1:
            return f"{wall[0]:%Y-%m-%d %H:%M}"
        utc = f"{self._at(seconds, self._utc):%Y-%m-%d %H:%M} UTC"
        return f"{utc} (there {wall[0]:%H:%M} to {wall[-1]:%H:%M})" if wall else utc

    def _at(self, seconds: float, zone: "tzinfo") -> "datetime":
        from datetime import datetime

        return datetime.fromtimestamp(seconds, zone)


def _sources(source: str, zones: int) -> list[str]:
    """Where each zone comes from, in words; `Lead.zone_source` has one word for all zones, or one for each."""
    from flireo_flows.policy import SOURCES

    lines = [SOURCES.get(word, word) for word in source.split() or ["number"]]
    return lines if len(lines) == zones else lines[:1] * zones


def _in_short(audit: "CampaignAudit") -> str:
    if audit.lead is None:
        forgotten = audit.suppression is not None and audit.suppression.source == "forgotten"
        return "forgotten; nothing is known of them." if forgotten else "no file of it held this number."
    called = sum(attempt.state in ("placed", "ended") for attempt in audit.attempts)
    times = {0: "not called", 1: "called once"}.get(called, f"called {called} times")
    unsure = sum(attempt.state in ("sending", "unknown") for attempt in audit.attempts)
    if unsure:
        times = f"{times}, perhaps {unsure} more" if called else "perhaps called"
    what = audit.lead.outcome if audit.lead.state == "done" else audit.lead.reason
    return f"{times}; {audit.lead.state}{f' ({_plain(what)})' if what else ''}."


def _decided(decision: "DecisionAudit", clock: LeadClock) -> str:
    from flireo_flows.policy import explain

    words = explain("" if decision.allowed else decision.rule, decision.inputs, decision.until)
    # Whether an allowed attempt placed a call is in the attempt.
    words = f"allowed attempt {decision.number or 1}: {words}" if decision.allowed else f"not called: {words}"
    again = f"{decision.times} times, last {clock.show(decision.last_at)}" if decision.times > 1 else ""
    policy = f"policy {decision.policy}" if decision.policy else ""
    more = "; ".join(part for part in (again, policy) if part)
    return f"{words} [{more}]" if more else words


def _tried(attempt: "AttemptAudit", clock: LeadClock) -> str:
    from flireo_flows.ledger.messages import WHY_OPEN
    from flireo_flows.lifecycle.states import AttemptState

    state = AttemptState(attempt.state)
    if state is AttemptState.NOT_PLACED:
        what = f"not called ({attempt.reason})"
    elif state is AttemptState.ENDED:
        over = f", over {clock.show(attempt.over_at)}" if attempt.over_at is not None else ""
        lasted = f", {attempt.duration_seconds} s" if attempt.duration_seconds is not None else ""
        ended = f" ({attempt.end_reason})" if attempt.end_reason else ""
        what = f"called: {_plain(attempt.outcome)}{ended}{lasted}{over}"
    else:
        what = WHY_OPEN[state]
    which = {"from": attempt.number_id, "agent": attempt.agent_id, "variant": attempt.variant}
    with_ = ", ".join(f"{name} {value}" for name, value in which.items() if value)
    return f"attempt {attempt.number}: {what}{f' [{with_}]' if with_ else ''}"


def _next(audit: "CampaignAudit", clock: LeadClock) -> str:
    """What comes next for this person."""
    if audit.lead is not None and audit.lead.state in ("calling", "review", "done"):
        return {
            "calling": "a call is under way, or its result is not in; the campaign's runs collect it.",
            "review": f"needs review: {audit.lead.reason}.",
            "done": "nothing; it is done.",
        }[audit.lead.state]
    return _never(audit) or _later(audit, clock)


def _never(audit: "CampaignAudit") -> str:
    """Why they are never called; empty when they may be."""
    if audit.suppression is not None:
        why = f": {audit.suppression.reason}" if audit.suppression.reason else ""
        source = {"person": "a person asked for it", "forgotten": "they asked to be forgotten"}
        learnt = f"learned from a call of campaign {audit.suppression.campaign}"
        return f"never called, in any campaign ({source.get(audit.suppression.source, learnt)}{why})."
    if audit.on_file:
        return "never called in this campaign: the number stands on its do-not-call list."
    if audit.standing.state == "cancelled":
        return f"never called in this campaign, which is {audit.standing.in_words}."
    return ""


def _later(audit: "CampaignAudit", clock: LeadClock) -> str:
    if audit.lead is None:
        return "nothing; a run of a file that holds the number would ask."
    if audit.lead.state == "skipped":
        return "nothing under this policy; the next run of a file that holds the number checks it again."
    if audit.standing.state == "paused":
        return f"no one is called until the campaign is resumed; it is {audit.standing.in_words}."
    if audit.lead.not_before > audit.now:
        return f"asked about again at {clock.show(audit.lead.not_before)}, if the campaign runs then."
    return "asked about as soon as the campaign runs."


def _plain(word: str) -> str:
    return word.replace("_", " ")
