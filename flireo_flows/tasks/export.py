"""Write a campaign's results as they stand: from the ledger alone, for whoever wants them again or later."""

import hashlib
import re
from pathlib import Path
from typing import Final

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from flireo_flows.analytics.export import write_campaign
from flireo_flows.analytics.files import local_path
from flireo_flows.api.identity import name_key
from flireo_flows.api.redaction import redact
from flireo_flows.blocks import CallLedger
from flireo_flows.ledger import Database
from flireo_flows.ledger.notices import find_campaign, shown_name
from flireo_flows.prefect_support.async_bridge import run_async

FOLDER: Final = Path("results")
LONGEST: Final = 40  # characters of a name that are kept in its folder's; a file's name has 255 bytes
DIGITS: Final = 12  # of the digest that distinguishes folders
# What is the same name in every file system, whatever it takes for the same letter, and no device of Windows.
PLAIN: Final = re.compile(
    rf"(?!.*-[0-9a-f]{{{DIGITS}}}\Z)(?!(?:con|prn|aux|nul|com\d|lpt\d)\Z)[a-z0-9][a-z0-9_-]*"
)


def results_folder(ledger: CallLedger, campaign: str, out: str = "") -> Path:
    """Where a campaign's files go: no two campaigns share a folder, unless `out` makes them.

    Args:
        ledger: The record of who was called.
        campaign: Its name.
        out: A folder that was given; empty for a folder of the campaign's own in `results`.

    Raises:
        ExportError: `out` is no folder of this machine, such as `s3://bucket`.
        LedgerError: The ledger cannot be opened; it is needed for a name that holds a phone number.
    """
    if out:
        return local_path(out)

    async def key() -> bytes:
        async with await Database.open(ledger.database_url()) as database:
            return database.key

    # A path is shown, so it holds no number.
    shown = campaign if redact(campaign) == campaign else shown_name(campaign, run_async(key))
    return FOLDER / folder_name(shown)


def folder_name(campaign: str) -> str:
    """A folder's name for a campaign, the same for all its spellings.

    Its own if every system takes that, else what it takes, and a digest.

    Args:
        campaign: As events show it.
    """
    key = name_key(campaign)
    if PLAIN.fullmatch(key):
        return key
    kept = re.sub(r"[^\w-]+", "-", key)[:LONGEST].strip("-_") or "campaign"
    return f"{kept}-{hashlib.sha256(key.encode()).hexdigest()[:DIGITS]}"


@task(name="Flireo: export campaign", tags={"flireo"}, cache_policy=NO_CACHE)
def export_campaign(ledger: CallLedger, campaign: str, out: Path | None = None) -> list[Path]:
    """Write the results of a campaign, without its file of leads. Sends nothing.

    Args:
        ledger: The record of who was called.
        campaign: Its name, or as an event's payload has it.
        out: Folder for the files; None for the campaign's own, see `results_folder`.

    Returns:
        The files: CSV, JSON Lines, Parquet if installed, and the report.

    Raises:
        DeclinedError: There is no such campaign.
        ExportError: A file cannot be written; the earlier one is untouched.
        LedgerError: The ledger failed.
    """

    folder = out and local_path(out)

    async def name() -> str:
        async with await Database.open(ledger.database_url(), existing=True) as database:
            return await find_campaign(database, campaign)

    found = run_async(name)
    where, log = folder or results_folder(ledger, found), get_run_logger()
    return run_async(lambda: write_campaign(ledger.database_url(), found, where, None, log))
