"""The options of a PostgreSQL URL: libpq's words, and those that hosting providers add to them."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from flireo_flows.ledger.errors import LedgerError

CONNECT_SECONDS: Final = 30.0  # for a connection, where the URL says nothing else
SHORTEST_CONNECT_SECONDS: Final = 2.0  # as libpq: less is taken for this
PASSWORDS: Final = frozenset({"password", "sslpassword", "pgpassword", "passwd", "pwd", "pass"})
MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
SESSIONS: Final = ("any", "read-write", "read-only", "primary", "standby", "prefer-standby")
TRUE: Final = frozenset({"true", "1", "yes", "on", ""})
FALSE: Final = frozenset({"false", "0", "no", "off"})

# The driver reads these itself, in a URL (asyncpg, `connect`).
DRIVER: Final = frozenset(
    {
        *("sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcrl", "sslnegotiation"),
        *("ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs", "passfile"),
        *("krbsrvname", "gsslib"),
    }
)
FILES: Final = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
SETTINGS: Final = frozenset({"application_name", "options"})  # the server is told these
# These tune what happens anyway, or are meant for other drivers: without them the same rows come from the same server.
LEFT_OUT: Final = frozenset(
    {
        *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"),
        *("fallback_application_name", "sslcompression", "sslsni", "load_balance_hosts", "client_encoding"),
        *(
            "pgbouncer",
            "connection_limit",
            "pool_timeout",
            "pool_size",
            "max_overflow",
            "statement_cache_size",
        ),
        *("prepared_statement_cache_size", "prepareThreshold", "preparethreshold", "prepared_statements"),
        *("uselibpqcompat", "supa", "workaround", "async_fallback", "socket_timeout"),
    }
)
# What they ask for is left out without harm where it has one of these values; otherwise nobody here can keep it.
HARMLESS: Final[Mapping[str, frozenset[str]]] = {
    "gssencmode": frozenset({"disable", "prefer", ""}),
    "sslcertmode": frozenset({"disable", "allow", ""}),
    "gssdelegation": frozenset({"0", ""}),
    "replication": FALSE | {""},
    "schema": frozenset({"public", ""}),
    "hostaddr": frozenset({""}),
    "require_auth": frozenset({""}),
    "requirepeer": frozenset({""}),
    "service": frozenset({""}),
}


@dataclass(frozen=True, slots=True)
class Options:
    """What a URL asks for besides its server, login and database.

    Attributes:
        driver: For the driver, in libpq's words.
        settings: For the server.
        timeout: For a connection, seconds.
        system_trust: The server's certificate is checked against the certificates that this machine trusts.
    """

    driver: Mapping[str, str] = field(default_factory=dict, repr=False)
    settings: Mapping[str, str] = field(default_factory=dict)
    timeout: float = CONNECT_SECONDS
    system_trust: bool = False


def read_options(where: str, given: Mapping[str, str], names_may_be_secret: bool = False) -> Options:
    """The options of a URL.

    Args:
        where: The URL as it may be shown.
        given: Values by name, decoded.
        names_may_be_secret: A password stands among them: with an `&` in it, its rest looks like a name.

    Raises:
        LedgerError: One cannot be kept, or is unknown.
    """
    for name, value in given.items():
        known = (
            DRIVER
            | SETTINGS
            | LEFT_OUT
            | HARMLESS.keys()
            | {"ssl", "channel_binding", "connect_timeout", "timeout"}
        )
        if name not in known:
            plain = not names_may_be_secret and re.fullmatch(r"[A-Za-z_]{1,40}", name)
            raise LedgerError(where, f"its option {name if plain else '(not shown)'} is unknown", LEAVE_OUT)
        if name in HARMLESS and value not in HARMLESS[name]:
            raise LedgerError(where, f"its option {name} cannot be kept", CANNOT.get(name, LEAVE_OUT))
    session = given.get("target_session_attrs")
    if session and session not in SESSIONS:  # the driver's own words are garbled
        text = f"its option target_session_attrs is none of {', '.join(SESSIONS)}"
        raise LedgerError(where, text, LEAVE_OUT)
    mode = _mode(where, given)
    trust = given.get("sslrootcert") == "system"
    if trust and mode not in (None, "verify-full"):
        raise LedgerError(where, f"sslrootcert=system goes with sslmode=verify-full, not {mode}", CHECK_TLS)
    _check_files(where, given, mode, trust)
    driver = {name: value for name, value in given.items() if name in DRIVER and value and name != "sslmode"}
    if mode is not None:
        driver["sslmode"] = mode
    settings = {name: value for name, value in given.items() if name in SETTINGS and value}
    return Options(driver, settings, _timeout(where, given), trust)


LEAVE_OUT: Final = "Check FLIREO_LEDGER_URL: leave it out; docs/databases.md has those that are understood."
CHECK_TLS: Final = "Check FLIREO_LEDGER_URL; docs/databases.md says what goes together."
CANNOT: Final[Mapping[str, str]] = {
    "schema": "Name the schema with options=-csearch_path%3DSCHEMA (FLIREO_LEDGER_URL).",
    "hostaddr": "Name the server by its host alone (FLIREO_LEDGER_URL).",
    "service": "Write the service's host, user and database into FLIREO_LEDGER_URL.",
}


def _mode(where: str, given: Mapping[str, str]) -> str | None:
    """`sslmode`, also where another option implies it; None leaves it to the driver (PGSSLMODE, else `prefer`)."""
    mode = given.get("sslmode") or None
    other = given.get("ssl")
    if mode is None and other is not None:  # the word of other drivers: a mode, or whether
        mode = "require" if other.lower() in TRUE else "disable" if other.lower() in FALSE else other
    if mode is not None and mode not in MODES:
        name = "sslmode" if given.get("sslmode") else "ssl"
        raise LedgerError(where, f"its option {name} is none of {', '.join(MODES)}", CHECK_TLS)
    if given.get("channel_binding", "") == "require":
        # The driver has no channel binding. What it needs, a connection with TLS, is kept.
        if mode == "disable":
            raise LedgerError(
                where, "channel_binding=require needs TLS, and sslmode=disable has none", CHECK_TLS
            )
        mode = "require" if mode in (None, "allow", "prefer") else mode
    return mode


def _check_files(where: str, given: Mapping[str, str], mode: str | None, trust: bool) -> None:
    """Whether the files are there: the driver's own words would name a number instead of the option."""
    checked = mode in ("require", "verify-ca", "verify-full")
    for name in FILES if checked else ():
        value = given.get(name)
        if not value or (trust and name == "sslrootcert"):
            continue
        try:
            with Path(value).open("rb"):
                pass
        except (OSError, ValueError) as error:
            cause = getattr(error, "strerror", None) or "it cannot be read"
            raise LedgerError(where, f"the file of its option {name}: {cause}", CHECK_TLS) from None
    known = given.get("sslrootcert") or os.environ.get("PGSSLROOTCERT")
    if mode in ("verify-ca", "verify-full") and not known and not ROOTS.expanduser().exists():
        text = f"sslmode={mode} needs a file of root certificates, and there is none at {ROOTS}"
        remedy = "Add sslrootcert=FILE, or sslmode=verify-full&sslrootcert=system (FLIREO_LEDGER_URL)."
        raise LedgerError(where, text, remedy)


ROOTS: Final = Path("~/.postgresql/root.crt")  # where libpq and asyncpg look


def _timeout(where: str, given: Mapping[str, str]) -> float:
    """Seconds for a connection. 0 and below ask for none, which here is the usual time: nothing waits for ever."""
    text = given.get("connect_timeout") or given.get("timeout") or "0"
    if not re.fullmatch(r"-?\d{1,6}(\.\d+)?", text, re.ASCII):
        raise LedgerError(where, "its option connect_timeout is no number of seconds", LEAVE_OUT)
    seconds = float(text)
    return max(seconds, SHORTEST_CONNECT_SECONDS) if seconds > 0 else CONNECT_SECONDS
