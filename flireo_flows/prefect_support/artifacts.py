"""What people see of a campaign while it runs: a progress artifact, a table of figures, and the run's log."""

import re
from collections.abc import Sequence
from uuid import UUID

import httpx
from prefect import get_run_logger
from prefect.artifacts import create_progress_artifact, create_table_artifact, update_progress_artifact
from prefect.exceptions import PrefectException

from flireo_flows.api.identity import name_key
from flireo_flows.api.redaction import mask_phone, redact
from flireo_flows.ledger import CampaignProgress, LeadResult
from flireo_flows.ledger.completeness import Completeness


def artifact_key(campaign: str, what: str) -> str:
    """Prefect takes only lower-case letters, digits and dashes as an artifact's key."""
    return re.sub(r"[^a-z0-9]+", "-", f"flireo-{redact(name_key(campaign))}-{what}".lower()).strip("-")


class ProgressBoard:
    """Shows a campaign's progress. Showing never stops the calling: what Prefect cannot take is left out."""

    def __init__(self, campaign: str) -> None:
        self._campaign = campaign
        self._status: CampaignProgress | None = None
        self._shown = ""
        self._artifact: UUID | None = None
        self._logger = get_run_logger()

    def note(self, status: CampaignProgress) -> None:
        """The latest figures; called from the engine's thread."""
        self._status = status

    def show(self) -> None:
        """Show them, if they changed; called from the task's thread."""
        status = self._status
        if status is None or status.in_words == self._shown:
            return
        self._shown = status.in_words
        self._logger.info("%s", self._shown)
        try:
            self._update(status)
        except (httpx.HTTPError, PrefectException) as error:
            self._logger.warning("the progress artifact could not be written: %s", type(error).__name__)

    def _update(self, status: CampaignProgress) -> None:
        progress = 100.0 * status.final / max(1, status.leads)
        if self._artifact is None:
            key = artifact_key(self._campaign, "progress")
            made = create_progress_artifact(progress, key=key, description=self._shown)
            self._artifact = made if isinstance(made, UUID) else None  # here no loop runs, so it is one
        else:
            update_progress_artifact(self._artifact, progress, description=self._shown)


def show_tables(status: CampaignProgress, latest: list[LeadResult], complete: Completeness) -> None:
    """The campaign's figures and its latest calls as table artifacts; no names, no full numbers."""
    create_table_artifact(
        [_call_row(result) for result in latest],
        key=artifact_key(status.campaign, "calls"),
        description=f"The latest {len(latest)} calls of {redact(status.campaign)}",
    )
    rows: list[dict[str, object]] = [
        *({"figure": "leads " + name, "count": count} for name, count in status.states.items()),
        *({"figure": "outcome " + name, "count": count} for name, count in status.outcomes.items()),
        *({"figure": "attempts " + name, "count": count} for name, count in status.attempts.items()),
        *({"figure": "requests " + name, "count": count} for name, count in status.requests.items()),
    ]
    rows += [{"figure": "results " + name, "count": figure} for name, figure in complete.rows().items()]
    create_table_artifact(rows, key=artifact_key(status.campaign, "figures"), description=status.in_words)


def show_failures(campaign: str, failures: Sequence[str]) -> None:
    """What made the breaker pause a campaign, as a table artifact and in the log, for whoever is to resume it.

    Args:
        campaign: Its name.
        failures: Masked number and reason, newest first.
    """
    for failure in failures:
        get_run_logger().warning("failed: %s", failure)
    create_table_artifact(
        [{"failure": failure} for failure in failures],
        key=artifact_key(campaign, "failures"),
        description=f"What made the breaker pause {redact(campaign)}, newest first",
    )


def _call_row(result: LeadResult) -> dict[str, object]:
    ended = result.ended_at
    return {
        "ended": f"{ended:%Y-%m-%d %H:%M:%S} UTC" if ended else "",
        "number": mask_phone(result.phone),
        "outcome": result.outcome,
        "seconds": result.duration_seconds,
        "analysed": result.analysis is not None,
        "state": result.state,
    }
