"""The Prefect task that plans a campaign: reads, simulates, saves the plan, shows it. Sends nothing to Flireo."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from prefect import get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from pydantic import BaseModel, ConfigDict

from flireo_flows.api.redaction import redact
from flireo_flows.calling.campaign_steps import CampaignRun, CampaignSummary
from flireo_flows.calling.dry_run import plan_file
from flireo_flows.calling.plan import Plan, PlannedCall, PlanRequest, Skipped, reasons_in_words
from flireo_flows.calling.saved_plan import save_plan
from flireo_flows.leads import LeadFormat
from flireo_flows.prefect_support.artifacts import artifact_key
from flireo_flows.prefect_support.async_bridge import run_async

ROWS_SHOWN: Final = 200  # the UI's list of artifacts loads every row of every table
SKIPS_SHOWN: Final = 50  # of those rows at most, while there are calls to show
LINES_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan that was saved and shown.

    Attributes:
        file: Where it was saved; it holds personal data.
        digest: Of what would be done.
        calls: Leads that would be called.
        skipped: Rows that would not.
        text: The plan in Markdown, without a full number.
    """

    file: str
    digest: str
    calls: int
    skipped: int
    text: str


class PlanOutcome(BaseModel):
    """What became of a plan.

    Attributes:
        file: Where the plan was saved; `outbound-campaign` takes it as its plan.
        digest: Of what was planned.
        calls: Leads planned to be called.
        skipped: Rows that were not.
        message: What happened, in words.
        approved: The person's answer; None when no one was asked, or no one answered in time.
        summary: How the campaign stands; None when no one was called.
    """

    model_config = ConfigDict(frozen=True)

    file: str
    digest: str
    calls: int
    skipped: int
    message: str
    approved: bool | None = None
    summary: CampaignSummary | None = None

    @classmethod
    def of(
        cls,
        planned: Planned,
        message: str,
        *,
        approved: bool | None = None,
        summary: CampaignSummary | None = None,
    ) -> Self:
        """What became of this plan; it is logged as well."""
        get_run_logger().info("Plan %s: %s", planned.digest, message)
        return cls(**asdict(planned), message=message, approved=approved, summary=summary)


@task(name="Flireo: plan campaign", tags={"flireo"}, cache_policy=NO_CACHE)
def plan_leads(
    run: CampaignRun,
    leads: str,
    lead_format: LeadFormat,
    do_not_call: str = "",
    requests_per_minute: float = 100.0,
) -> Planned:
    """Show what a run would do: who is called when, from which number, with which words, and who is not, and why.

    Nothing is sent to Flireo, and a ledger that is not there is not made.

    Args:
        run: The run that is planned.
        leads: CSV or Excel file, one person a row.
        lead_format: How to read it.
        do_not_call: File of numbers that must not be called; empty for none.
        requests_per_minute: What the API key allows.

    Raises:
        DeclinedError: The campaign's name is one that an event masked.
        LeadFileError: A file cannot be read; names what, where, and what to do.
        LedgerError: The ledger is there and cannot be read.
        PlanError: The plan cannot be saved.
        ScriptError: The account's dialect cannot do what the script asks for.
    """
    wanted = PlanRequest(run.campaign, run.policy, run.composer(), requests_per_minute)
    url, now = run.ledger_url(), datetime.now(UTC)
    numbers = Path(do_not_call) if do_not_call else None
    plan = run_async(lambda: plan_file(Path(leads), lead_format, wanted, url, now, do_not_call=numbers))
    # Its name identifies the plan, so that another one does not take its place while this one is being approved.
    file = run.out / f"plan-{plan.digest}.json"
    save_plan(plan, file)
    text = in_markdown(plan)
    create_markdown_artifact(text, key=artifact_key(run.campaign, "plan"), description=_in_a_line(plan))
    create_table_artifact(
        rows(plan), key=artifact_key(run.campaign, "plan-rows"), description=f"Plan {plan.digest}, its rows"
    )
    get_run_logger().info("%s %s", _in_a_line(plan), file)
    return Planned(str(file), plan.digest, len(plan.calls), len(plan.skipped), text)


def in_markdown(plan: Plan) -> str:
    """A plan as a page, for whoever approves it: figures, warnings, reasons; no full number."""
    parts = [f"# Plan of {_name(plan)}", _in_a_line(plan), _bullets(plan.estimate.in_words)]
    if plan.earlier:
        parts += ["## Called before", _bullets(plan.earlier)]
    if plan.warnings:
        parts += ["## Look at this first", _bullets(plan.warnings)]
    if plan.skipped:
        parts += ["## Not called", _bullets(reasons_in_words(plan))]
    numbers = sorted({call.choice.number_id or "one that Flireo picks" for call in plan.calls})
    agents = sorted({call.choice.agent_id or "a one-time agent" for call in plan.calls})
    if plan.calls:
        parts += [
            "## Agents and numbers",
            _bullets((f"Agents: {_listed(agents)}.", f"From: {_listed(numbers)}.")),
        ]
    return "\n\n".join(parts)


def rows(plan: Plan) -> list[dict[str, str | int]]:
    """A plan as a table that a page can hold: the first calls and the first skips."""
    skips = plan.skipped[: max(SKIPS_SHOWN, ROWS_SHOWN - len(plan.calls))]
    calls = plan.calls[: ROWS_SHOWN - len(skips)]
    return [*(_call_row(call) for call in calls), *(_skip_row(skip) for skip in skips)]


def _call_row(call: PlannedCall) -> dict[str, str | int]:
    return {
        "line": call.line,
        "number": call.masked,
        "when": call.when,
        "zone": call.confidence,
        "from": call.choice.number_id or "Flireo picks",
        "agent": call.choice.agent_id or "one-time",
        "variant": call.choice.variant,
        "first message": _plain(call.first_message) or "the agent's own",
        "not called": "",
    }


def _skip_row(skip: Skipped) -> dict[str, str | int]:
    empty = dict.fromkeys(("when", "zone", "from", "agent", "variant", "first message"), "")
    return {"line": skip.line, "number": skip.phone, **empty, "not called": f"{skip.rule}: {skip.words}"}


def _in_a_line(plan: Plan) -> str:
    counts = f"{len(plan.calls)} to be called, {len(plan.skipped)} not"
    return f"Plan {plan.digest} of {_name(plan)}: {counts}. Nothing was sent."


def _name(plan: Plan) -> str:
    """The campaign's, without a number that it may hold."""
    return _plain(redact(plan.campaign))


def _bullets(sentences: tuple[str, ...] | list[str]) -> str:
    return "\n".join(f"- {_plain(sentence)}" for sentence in sentences)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:LINES_SHOWN]) + (
        f" and {len(names) - LINES_SHOWN} more" if len(names) > LINES_SHOWN else ""
    )


def _plain(text: str) -> str:
    """What a file holds is shown as it is: nothing of it is Markdown or HTML, and it stays on its line."""
    return "".join(MARKS.get(character, character) for character in " ".join(text.split()))


# `&` first would be wrong twice; each character is replaced once.
MARKS: Final = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "`": "'", "|": "/", "*": "\\*", "[": "(", "]": ")"}
