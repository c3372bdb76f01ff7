"""`flireo-flows inbox`: what the webhooks brought, and what could not be read. Sends nothing."""

import sys
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from flireo_flows.cli.pause import in_ledger
from flireo_flows.cli.user_errors import SettingError

if TYPE_CHECKING:
    from flireo_flows.ledger import Database
    from flireo_flows.ledger.dead_letters import Letter, Replayed

Flag = Parameter(negative=())
LARGEST_ID = 2**31 - 1  # of an integer column of PostgreSQL

inbox = App(
    name="inbox",
    help="Show what the webhooks brought, and read again what could not be read.",
    help_format="plaintext",
)


@inbox.command(name="list")
def list_(
    *,
    state: Literal["waiting", "applied", "unreadable"] | None = None,
    limit: Annotated[int, Parameter(name="--limit")] = 50,
    json: Annotated[bool, Flag] = False,
) -> int:
    """List what came, the newest first. Numbers are masked.

    Parameters
    ----------
    state
        Only what is in it: waiting (no attempt is known for it yet), applied, or unreadable (a dead letter).
    limit
        How many rows at most.
    json
        Print JSON for programs instead of a table.
    """
    from json import dumps

    from flireo_flows.cli import say
    from flireo_flows.ledger import NoLedgerError
    from flireo_flows.ledger.dead_letters import listed
    from flireo_flows.lifecycle.states import InboxState

    if not 1 <= limit <= LARGEST_ID:
        raise SettingError(f"--limit {limit}: it has to be 1 or more, and {LARGEST_ID} at most.")
    chosen = InboxState(state) if state else None
    try:
        letters = in_ledger(lambda database: listed(database, chosen, limit))
    except NoLedgerError as missing:  # before the first webhook there may be none
        say(str(missing))
        letters = []
    rows = [_shown(letter) for letter in letters]
    if json:
        print(dumps(rows, indent=2, ensure_ascii=False))
    elif rows:
        _print_table(rows)
    else:
        print(f"nothing in the inbox is {state}." if state else "nothing is in the inbox.")
    return 0


@inbox.command
def show(letter_id: Annotated[int, Parameter(name="ID")], *, raw: Annotated[bool, Flag] = False) -> int:
    """Show one delivery: what is known of it, and its body as JSON with numbers and secrets masked.

    Parameters
    ----------
    letter_id
        Its number in the list.
    raw
        Write the body to standard output as it came, with all that is private in it.
    """
    from flireo_flows.ledger.dead_letters import one

    _check_id(letter_id)
    letter = in_ledger(lambda database: one(database, letter_id))
    if letter is None:
        raise SettingError(
            f"there is nothing in the inbox under {letter_id}. `flireo-flows inbox list` shows it."
        )
    if raw:
        sys.stdout.buffer.write(letter.body)
        sys.stdout.buffer.flush()
        return 0
    for name, value in _shown(letter).items():
        print(f"{name}: {value}")
    print(_body(letter.body))
    return 0


@inbox.command
def replay(
    *ids: Annotated[int, Parameter(name="ID", negative=())], all_unreadable: Annotated[bool, Flag] = False
) -> int:
    """Read deliveries again with today's reader. The next run or collector applies what can be read now.

    What was applied before is applied again, which changes nothing. Exit status 1 if something could not be read.

    Parameters
    ----------
    ids
        Their numbers in the list.
    all_unreadable
        All dead letters.
    """
    from flireo_flows.cli import USAGE, say
    from flireo_flows.ledger.dead_letters import Replayed

    if bool(ids) == all_unreadable:
        say("name deliveries by their numbers in `flireo-flows inbox list`, or give --all-unreadable.")
        return USAGE
    for letter_id in ids:
        _check_id(letter_id)
    results = in_ledger(lambda database: _replay(database, ids))
    for letter_id, (became, reason) in results.items():
        print(f"{letter_id}: {became}{f': {reason}' if reason else ''}")
    if not results:
        print("there are no dead letters.")
    good = (Replayed.WAITING, Replayed.DONE)
    return 0 if all(became in good for became, _ in results.values()) else 1


def _check_id(letter_id: int) -> None:
    if not 0 <= letter_id <= LARGEST_ID:
        raise SettingError(
            f"ID {letter_id}: no delivery has such a number. `flireo-flows inbox list` shows those there are."
        )


async def _replay(database: "Database", ids: tuple[int, ...]) -> "dict[int, tuple[Replayed, str]]":
    from flireo_flows.ledger.dead_letters import Replayed, one, unreadable
    from flireo_flows.ledger.dead_letters import replay as read_again

    became = await read_again(database, ids or await unreadable(database))
    results = {}
    for letter_id, what in became.items():
        letter = await one(database, letter_id) if what is Replayed.UNREADABLE else None
        results[letter_id] = (what, letter.reason if letter else "")
    return results


def _shown(letter: "Letter") -> dict[str, object]:
    from datetime import UTC, datetime

    from flireo_flows.api.redaction import mask_phone, redact

    return {
        "id": letter.id,
        "received": datetime.fromtimestamp(letter.received_at, UTC).isoformat(timespec="seconds"),
        "event": redact(letter.event),
        "customer": mask_phone(letter.customer),
        "call_id": redact(letter.call_id),
        "state": letter.state.value,
        "reason": letter.reason,
        "deliveries": letter.deliveries,
    }


def _body(body: bytes) -> str:
    import json

    from flireo_flows.api.redaction import mask_numbers, without_secrets

    if not body:
        return "(the body is empty, or its person was forgotten)"
    try:
        document = without_secrets(json.loads(body))
    except (ValueError, RecursionError):
        return mask_numbers(repr(body)[:2000])
    return mask_numbers(json.dumps(document, indent=2, ensure_ascii=False))


def _print_table(rows: list[dict[str, object]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{len(rows)} in the inbox", title_justify="left")
    for name in rows[0]:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    Console().print(table, markup=False)
