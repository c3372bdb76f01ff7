"""`flireo-flows outcomes`: what finished calls mean, and by which table. Reads the ledger; sends nothing."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from flireo_flows.cli.options import AnyCampaign
from flireo_flows.cli.pause import in_campaign

if TYPE_CHECKING:
    from flireo_flows.ledger.outcome_backfill import EndingCount, Rederived
    from flireo_flows.policy import CallingPolicy

MOST_ROWS = 100  # of endings shown; texts that differ in each call would fill the screen


def outcomes(
    *, campaign: AnyCampaign = "", policy: str = "", dry_run: Annotated[bool, Parameter(negative=())] = False
) -> int:
    """Show the table of what a finished call means; or derive a campaign's outcomes again by it.

    Without options it prints the default table as YAML, to copy rules from into a policy; with a policy the table
    as that policy has it. With a campaign it shows the words in which its calls ended and the outcomes they gave.
    With both it derives the outcomes of the campaign's ended calls again, from what the ledger holds.

    Parameters
    ----------
    campaign
        Name of the campaign.
    policy
        YAML or JSON file with the fields of CallingPolicy, `outcomes` among them, or the name of a preset.
    dry_run
        Only show what would change.
    """
    from flireo_flows.api.redaction import redact
    from flireo_flows.cli import USAGE, say, settings
    from flireo_flows.ledger.outcome_backfill import endings, rederive

    if dry_run and not (campaign and policy):
        say("--dry-run shows what a policy would change in a campaign: name both, --campaign and --policy.")
        return USAGE
    rules = settings.policy(policy, any_hour=False)
    if not campaign:
        print(_table(rules), end="")
    elif policy:
        changes = in_campaign(campaign, lambda found: rederive(found, rules, dry_run=dry_run))
        _show_changes(redact(campaign), changes, dry_run)
    else:
        _show_endings(redact(campaign), in_campaign(campaign, endings))
    return 0


def _table(policy: "CallingPolicy") -> str:
    """The whole table as a policy has it asked: its own rules, then the default ones with their comments."""
    from textwrap import indent

    from yaml import safe_dump

    from flireo_flows.lifecycle.outcomes import default_text

    if not policy.outcomes:
        return default_text()
    own = [rule.model_dump(mode="json", exclude_defaults=True) for rule in policy.outcomes]
    listed = indent(safe_dump(own, sort_keys=False, allow_unicode=True), "  ")
    head, begins, rest = default_text().partition("\noutcomes:\n")
    return f"{head}{begins}  # Rules of the policy, asked first.\n{listed}\n{rest}"


def _show_changes(campaign: str, found: "Rederived", dry_run: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    would = "would mean" if dry_run else "mean"
    print(f"Campaign {campaign}: {found.changed} of {found.calls} ended calls {would} something else.")
    if not found.changes:
        return
    table = Table()
    table.add_column("was")
    table.add_column("would be" if dry_run else "is")
    table.add_column("calls", justify="right")
    for (before, after), calls in sorted(found.changes.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(_plain(before), _plain(after), str(calls))
    Console(markup=False).print(table)
    be = "would not be" if dry_run else "are not"
    print(f"{found.settled} leads {be} called again, {found.suppressed} numbers {be} called by any campaign.")


def _show_endings(campaign: str, found: "list[EndingCount]") -> None:
    from rich.console import Console
    from rich.table import Table

    calls = sum(it.calls for it in found)
    table = Table(title=f"{campaign}: how {calls} calls ended", title_justify="left")
    for column in ("status", "end reason", "error", "outcome"):
        table.add_column(column)
    table.add_column("calls", justify="right")
    for it in found[:MOST_ROWS]:
        table.add_row(
            it.status,
            it.end_reason,
            it.error,
            _plain(it.outcome),
            str(it.calls),
            style="yellow" if it.outcome == "unknown" else "",
        )
    Console(markup=False).print(table)
    if len(found) > MOST_ROWS:
        print(f"and {len(found) - MOST_ROWS} other endings, each of fewer calls")


def _plain(word: str) -> str:
    return word.replace("_", " ")
