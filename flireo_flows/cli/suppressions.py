"""`flireo-flows suppress`, `unsuppress`, `suppressions`, `forget`: who must never be called. Sends nothing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from flireo_flows.cli.options import CampaignName
from flireo_flows.cli.pause import in_ledger
from flireo_flows.cli.user_errors import SettingError

if TYPE_CHECKING:
    from flireo_flows.ledger import Database
    from flireo_flows.ledger.suppressions import CampaignList

Flag = Parameter(negative=())


def suppress(phone: str = "", *, file: Path | None = None, reason: str = "", default_region: str = "") -> int:
    """Never call a person again, in any campaign of the ledger. Running calls go on.

    Parameters
    ----------
    phone
        The number.
    file
        A do-not-call list instead: text, CSV or Excel, one number a row.
    reason
        Why, in words; shown by `flireo-flows why`.
    default_region
        Country of numbers without a country code, such as NL.
    """
    from flireo_flows.cli import USAGE, say
    from flireo_flows.ledger.suppressions import Suppressions

    if bool(phone) == bool(file):
        say("name one number, or a list of numbers with --file, that must never be called.")
        return USAGE
    phones = _listed(file, default_region) if file else frozenset({read_number(phone, default_region)})
    made = in_ledger(lambda database: Suppressions(database).suppress(phones, reason), existing=False)
    print(f"{made} of {len(phones)} suppressed; the others were before.")
    return 0


def unsuppress(phone: str, *, even_forgotten: Annotated[bool, Flag] = False, default_region: str = "") -> int:
    """Let a person be called again. The next run of a file that holds the number checks again the leads that were
    skipped; a lead that is in review because its own call's answer was unclear is done, as it was called.

    Parameters
    ----------
    phone
        The number.
    even_forgotten
        Also one of a person who was forgotten.
    default_region
        Country of a number without a country code, such as NL.
    """
    from flireo_flows.api.redaction import mask_phone
    from flireo_flows.ledger.suppressions import Suppressions

    number = read_number(phone, default_region)
    in_ledger(lambda database: Suppressions(database).lift(number, even_forgotten=even_forgotten))
    print(f"{mask_phone(number)} may be called again.")
    return 0


def suppressions(*, json: Annotated[bool, Flag] = False) -> int:
    """Show who is never called, with masked numbers: since when, who asked for it, and why.

    Parameters
    ----------
    json
        Print JSON for programs instead of a table.
    """
    from dataclasses import asdict
    from datetime import UTC, datetime
    from json import dumps

    from rich.console import Console
    from rich.table import Table

    from flireo_flows.ledger.suppressions import Suppressions

    found = in_ledger(lambda database: Suppressions(database).listed())
    if json:
        print(dumps([asdict(one) for one in found], indent=2))
        return 0
    table = Table(title=f"{len(found)} numbers are never called", title_justify="left")
    for column in ("number", "since (UTC)", "asked by", "campaign", "why"):
        table.add_column(column)
    for one in found:
        since = f"{datetime.fromtimestamp(one.at, UTC):%Y-%m-%d %H:%M}"
        table.add_row(one.phone or "(forgotten)", since, one.source, one.campaign, one.reason)
    Console(markup=False).print(table)  # reasons and names are people's own words
    return 0


def forget(phone: str, *, default_region: str = "") -> int:
    """Erase what the ledger knows of a person, in every campaign, and never call them again. Cannot be undone.

    Exported files, backups, and what Flireo itself keeps are not reached.

    Parameters
    ----------
    phone
        The number.
    default_region
        Country of a number without a country code, such as NL.
    """
    from flireo_flows.api.redaction import mask_phone
    from flireo_flows.ledger.erasure import forget as erase

    number = read_number(phone, default_region)
    erased = in_ledger(lambda database: erase(database, number), existing=False)
    print(
        f"{mask_phone(number)} is forgotten and never called. Erased what was known in {erased.leads} leads, "
        f"{erased.attempts} attempts, {erased.reports} reports and {erased.decisions} decisions."
    )
    return 0


def read_number(text: str, default_region: str) -> str:
    """A number as a person types it, in E.164.

    Raises:
        SettingError: It is none; does not repeat it.
    """
    from flireo_flows.leads import Refusal, RejectCode
    from flireo_flows.leads import read_number as read

    number = read(text, default_region.strip().upper())
    if not isinstance(number, Refusal):
        return number.e164
    if number.code is RejectCode.NO_COUNTRY:
        raise SettingError(
            "the number has no country: begin it with + and its country code, or give --default-region."
        )
    if number.code is RejectCode.AMBIGUOUS_PHONE:
        raise SettingError("the number may be two: begin it with + and its country code. Nothing was done.")
    raise SettingError(f"this is no phone number. {number.message}")


def _listed(file: Path, default_region: str) -> frozenset[str]:
    from flireo_flows.leads import read_do_not_call

    try:
        listed = read_do_not_call(file, default_region)
        if listed.in_words:
            print(listed.in_words)
        return listed
    except ValueError:
        raise SettingError(f"--default-region: there is no country {default_region!r}.") from None


def do_not_call(*, campaign: CampaignName, clear: Annotated[bool, Parameter(negative=())] = False) -> int:
    """Show how many numbers are on a campaign's do-not-call list, or clear it.

    Every list that a run was given (`run --do-not-call FILE`) stays with its campaign, also for runs without one.

    Parameters
    ----------
    campaign
        Name of the campaign.
    clear
        Take every number off the list; the next run asks again about those who were skipped for it.
    """
    kept = in_ledger(lambda database: _read(database, campaign, clear=clear))
    if clear:
        print(f"{kept.numbers} taken off the do-not-call list.")
    else:
        print(f"The {kept.in_words}." if kept.numbers else "No do-not-call list.")
    return 0


async def _read(database: "Database", campaign: str, *, clear: bool) -> "CampaignList":
    from flireo_flows.ledger.campaigns import require_campaign
    from flireo_flows.ledger.suppressions import clear_in, list_in

    async with database.write(campaign) as db:
        await require_campaign(db, campaign, database.where)
        kept = await list_in(db, campaign)
        if clear:
            await clear_in(db, campaign)
    return kept
