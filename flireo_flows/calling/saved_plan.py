"""A plan in a file, and the proof that a run is still the one that was planned.

The file holds personal data: the words of the calls, with people's names. Only its owner may read it.
"""

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import mkstemp
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from flireo_flows.api.identity import name_key
from flireo_flows.api.redaction import redact
from flireo_flows.calling.plan import (
    Plan,
    PlannedCall,
    PlanRequest,
    Skipped,
    compose,
    digest_of,
    key_of,
    lines_in_words,
    request_of,
    row_of,
)
from flireo_flows.leads import Lead, LeadBatch
from flireo_flows.script import ComposeError, Composer, LeadFacts

KIND: Final = "flireo-flows plan"
VERSION: Final = 1


class PlanError(Exception):
    """A saved plan cannot be used. Names the reason, and what to do."""


class PlanDiffersError(PlanError):
    """What would be run is not what was planned. No one was called.

    Attributes:
        differences: Each in a sentence, without a number.
    """

    def __init__(self, differences: tuple[str, ...]) -> None:
        self.differences = differences
        super().__init__(differences)

    def __str__(self) -> str:
        differences = " ".join(self.differences)
        return f"this is not what was planned: {differences} No one was called. Plan again, and have that approved."


class SavedCall(BaseModel):
    """A planned call as the file has it: a person reads the upper half, a run compares the lower one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    line: int
    phone: str  # masked
    when: str
    confidence: str = ""
    agent_id: str = ""
    number_id: str = ""
    variant: str = ""
    first_message: str = ""
    attempts: int = 0
    key: str
    row: str
    request: str
    kept: tuple[str, str] = ("", "")


class SavedPlan(BaseModel):
    """A plan that is kept, to be approved and run."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: str = Field(default=KIND, pattern=f"^{KIND}$")
    version: int = VERSION
    campaign: str
    created_at: AwareDatetime
    digest: str
    salt: str = Field(pattern="^[0-9a-f]{32}$")
    policy_version: str
    policy: Mapping[str, Any]
    estimate: Mapping[str, Any]
    summary: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()
    calls: tuple[SavedCall, ...]
    skipped: tuple[Skipped, ...]

    @classmethod
    def of(cls, plan: Plan) -> "SavedPlan":
        """What is kept of a plan: no full number."""
        return cls(
            campaign=plan.campaign,
            created_at=plan.created_at,
            digest=plan.digest,
            salt=plan.salt,
            policy_version=plan.policy.version,
            policy=plan.policy.model_dump(mode="json"),
            estimate=asdict(plan.estimate),
            summary=plan.estimate.in_words,
            warnings=plan.warnings,
            earlier=plan.earlier,
            calls=tuple(_saved_call(call) for call in plan.calls),
            skipped=plan.skipped,
        )

    @property
    def is_whole(self) -> bool:
        """Whether what the run compares is unchanged."""
        calls = [(call.key, call.row, call.request, *call.kept) for call in self.calls]
        skipped = [skip.key for skip in self.skipped if skip.key]
        found = digest_of(self.campaign, self.policy_version, self.salt, calls, skipped)
        return found == self.digest


def save_plan(plan: Plan, path: Path) -> None:
    """Write a plan as JSON, all or nothing; only the owner may read it.

    Raises:
        PlanError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = mkstemp(dir=path.parent, prefix=".plan-")  # made with mode 0600
        try:
            with open(handle, "w", encoding="utf-8") as file:
                file.write(SavedPlan.of(plan).model_dump_json(indent=1))
            os.replace(draft, path)
        except BaseException:
            os.unlink(draft)
            raise
    except OSError as error:
        raise PlanError(
            f"plan {path}: it cannot be written: {error.strerror}. Choose another file."
        ) from None


def read_plan(path: Path) -> SavedPlan:
    """Read a saved plan.

    Raises:
        PlanError: It cannot be read, is no plan, is of another version, or was changed by hand.
    """
    try:
        saved = SavedPlan.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise PlanError(f"plan {path}: {error.strerror}. Check the path.") from None
    except (ValueError, ValidationError):
        raise PlanError(
            f"plan {path}: this is no saved plan. Make one with `flireo-flows plan ... --save`."
        ) from None
    if saved.version != VERSION:
        raise PlanError(f"plan {path}: it was saved by another version of flireo-flows. Plan again.")
    if not saved.is_whole:
        raise PlanError(f"plan {path}: it was changed after it was made. Plan again.")
    return saved


def planned_leads(
    saved: SavedPlan, leads: Sequence[Lead], wanted: PlanRequest, forbidden: Collection[str] = frozenset()
) -> tuple[Lead, ...]:
    """The leads that a saved plan calls, once it is proved that they, their rows, the words and the rules are the same.

    Skipped leads stay out, whatever was learnt since. A lead that was put on a do-not-call list since then is not
    called: that only takes leads away, so it is no difference.

    Args:
        saved: The plan.
        leads: Of the file as it is now, in its order.
        wanted: What this run is asked to do.
        forbidden: The do-not-call list as it is now, E.164.

    Raises:
        PlanDiffersError: Something else would be done; names what.
    """
    differences = (*_settings(saved, wanted), *_people(saved, leads, wanted, forbidden))
    if differences:
        raise PlanDiffersError(differences)
    planned = {call.key for call in saved.calls}
    return tuple(lead for lead in leads if key_of(saved.salt, lead.phone) in planned)


def only_planned(
    batch: LeadBatch, plan: Path, wanted: PlanRequest, forbidden: Collection[str] = frozenset()
) -> LeadBatch:
    """A file without the leads that a saved plan does not call; see `planned_leads`.

    Raises:
        PlanError: The plan cannot be read, or something else would be done; no one was called.
    """
    leads = planned_leads(read_plan(plan), batch.leads, wanted, forbidden)
    return replace(batch, leads=leads)


def _settings(saved: SavedPlan, wanted: PlanRequest) -> Iterator[str]:
    if name_key(saved.campaign) != name_key(wanted.campaign):
        yield f"The plan is for the campaign {redact(saved.campaign)!r}, not for {redact(wanted.campaign)!r}."
    if saved.policy_version != wanted.policy.version:
        now = wanted.policy.model_dump(mode="json")
        changed = sorted(name for name in {*now, *saved.policy} if now.get(name) != saved.policy.get(name))
        yield f"The policy changed ({', '.join(changed) or 'its fields'})."


def _people(
    saved: SavedPlan, leads: Sequence[Lead], wanted: PlanRequest, forbidden: Collection[str]
) -> Iterator[str]:
    """Who is new, who is gone, whose row or words changed."""
    salt, composer = saved.salt, wanted.composer.with_assumed_models(leads)
    now = {key_of(salt, lead.phone): lead for lead in leads}
    planned = {call.key for call in saved.calls}
    known = planned | {skip.key for skip in saved.skipped if skip.key}
    if new := [lead.line for key, lead in now.items() if key not in known]:
        yield f"The file holds {_persons(new)} more."
    gone = planned - now.keys()
    if gone and (gone := gone - {key_of(salt, phone) for phone in forbidden}):
        yield f"The file holds {len(gone)} fewer of the planned people."
    calls = [(call, now[call.key]) for call in saved.calls if call.key in now]
    changed = [lead.line for call, lead in calls if row_of(salt, lead) != call.row]
    if changed:
        yield f"The rows of {_persons(changed)} changed."
    unlike = frozenset(changed)
    same_row = [(call, lead) for call, lead in calls if lead.line not in unlike]
    if other := [
        lead.line for call, lead in same_row if _request(salt, composer, lead, call) != call.request
    ]:
        yield f"What would be said to {_persons(other)}, or who calls them, changed."


def _request(salt: str, composer: Composer, lead: Lead, call: SavedCall) -> str:
    """Digest of what would be sent now; empty where no request can be made."""
    facts = LeadFacts(lead.phone, lead.name, lead.columns, lead.wishes, *call.kept)
    try:
        return request_of(salt, compose(composer, facts)[1])
    except ComposeError:
        return ""


def _saved_call(call: PlannedCall) -> SavedCall:
    as_shown = {"phone": call.masked, "when": call.when}
    return SavedCall.model_validate({**asdict(call), **asdict(call.choice), **as_shown})


def _persons(lines: Sequence[int]) -> str:
    return f"{'1 person' if len(lines) == 1 else f'{len(lines)} people'} ({lines_in_words(lines)})"
