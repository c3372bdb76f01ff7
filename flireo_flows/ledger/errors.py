"""What goes wrong with a ledger's database, in words without a password, a row or a number."""

import sqlite3
from typing import Final

from asyncpg import PostgresError
from asyncpg.exceptions import InterfaceError as DriverError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from flireo_flows.api.redaction import redact

# Classes of SQLSTATE: no connection, no resources, not in a state for it, shut down, broken.
TROUBLE: Final = ("08", "53", "55", "57", "58", "XX")

# Never to begin without it: a campaign that does not know which people it called calls everyone again.
KEEP: Final = (
    "Keep it as it is, for it alone knows who was called: go on with the flireo-flows that wrote it until its "
    "campaigns are over."
)
CHECK: Final = "Check FLIREO_LEDGER_URL and its permissions."
MEND: Final = "Mend it, then run the campaign again."
MISSING: Final = "there is no ledger there, and so no campaign yet"
UNKNOWING: Final = (
    "Check FLIREO_LEDGER_URL: without its ledger a campaign does not know which people it called."
)
USABLE: Final = "Use sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE (FLIREO_LEDGER_URL)."


class LedgerError(Exception):
    """The ledger cannot be opened or written. Contains which, what is wrong, and what to do.

    Attributes:
        where: The ledger's URL without its password.
        problem: What is wrong.
        remedy: What to do.
    """

    def __init__(self, where: str, problem: str, remedy: str) -> None:
        self.where, self.problem, self.remedy = where, problem, remedy
        super().__init__(where, problem, remedy)

    def __str__(self) -> str:
        return f"ledger {self.where}: {self.problem}. {self.remedy}"


class NoLedgerError(LedgerError):
    """There is no ledger where one is to be read. None was made."""

    def __init__(self, where: str, problem: str = MISSING, remedy: str = UNKNOWING) -> None:
        super().__init__(where, problem, remedy)


class StatementRefusedError(Exception):
    """Why a database refused a statement, without the row."""


def is_outage(error: Exception) -> bool:
    """The store itself failed (locked, full, gone), as opposed to a statement it refused."""
    if not isinstance(error, DBAPIError):
        # It was met while a connection was made. The driver's own errors are no database errors.
        return isinstance(error, PostgresError | DriverError | OSError)
    if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
        return True
    state = str(getattr(error.orig, "sqlstate", None) or "")
    return isinstance(error.orig, sqlite3.OperationalError | OSError) or state.startswith(TROUBLE)


def has_to_be_repeated(error: Exception) -> bool:
    """Two transactions met (a deadlock), and the database gave this one up: no one's fault."""
    return isinstance(error, DBAPIError) and str(getattr(error.orig, "sqlstate", "")).startswith("40")


def words_of(error: Exception) -> str:
    """The words of the database, without the statement and its parameters (they hold numbers)."""
    origin = getattr(error, "orig", None) or error
    return redact(str(origin).splitlines()[0] if str(origin) else type(origin).__name__)
