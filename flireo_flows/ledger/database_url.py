"""Read a ledger's URL: a SQLite file, or a PostgreSQL server as hosting providers write it down.

PostgreSQL's URLs are read by the rules of libpq, not of one Python driver. Nothing of a URL is shown before it is
certain which part of it is the password. Source: PostgreSQL's documentation, "Connection Strings" and "Parameter Key
Words".
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from flireo_flows.api.redaction import redact
from flireo_flows.ledger.errors import USABLE, LedgerError

CONNECT_SECONDS: Final = 30.0  # for a connection, where the URL gives no other
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
SETTINGS: Final = frozenset({"application_name", "options"})  # sent to the server
# These tune what happens anyway, or are meant for other drivers: without them the same rows come from the same server.
LEFT_OUT: Final = frozenset(
    {
        *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"),
        *("fallback_application_name", "sslcompression", "sslsni", "load_balance_hosts", "client_encoding"),
        *("pgbouncer", "connection_limit", "pool_timeout", "pool_size", "max_overflow"),
        *("statement_cache_size", "prepared_statement_cache_size", "prepareThreshold", "preparethreshold"),
        *("prepared_statements", "uselibpqcompat", "supa", "workaround", "async_fallback", "socket_timeout"),
    }
)
# What they ask for is left out without harm where it has one of these values; otherwise no one here can keep it.
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


KNOWN: Final = DRIVER | SETTINGS | LEFT_OUT | {"ssl", "channel_binding", "connect_timeout", "timeout"}


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
        if name not in KNOWN and name not in HARMLESS:
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


POSTGRESQL: Final = ("postgresql", "postgres")
PORT: Final = 5432
NOTHING: Final = "(its URL is not shown)"
NO_URL: Final = "this is no database URL"
ENCODE: Final = (
    "Write special characters in its user, password and options percent-encoded: @ as %40, / as %2F, # as %23, "
    "? as %3F, % as %25 (FLIREO_LEDGER_URL)."
)
_SCHEME: Final = re.compile(r"[a-z][a-z0-9.+-]*", re.ASCII | re.IGNORECASE)
_BROKEN: Final = re.compile(r"%(?![0-9a-f]{2})", re.ASCII | re.IGNORECASE)
_HOST: Final = re.compile(
    r"\[(?P<v6>[0-9a-f:.%]+)\](?::(?P<v6_port>\d+))?|(?P<name>[^:\[\]]*)(?::(?P<port>\d+))?", re.I
)
# A name that can be shown; what holds "=" or ":" may be something else.
_PLAIN: Final = re.compile(r"[\w.+%-]+")
_HIDING: Final = re.compile(r"://|:[^/]*@|pass(word|wd)?\s*=", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL database and how to reach it.

    Attributes:
        where: Its URL as it may be shown.
        hosts: Host names, addresses or folders of sockets, with ports, tried in this order; none: the driver's default.
        password: None where the driver looks for it (PGPASSWORD, a password file).
    """

    where: str
    hosts: tuple[tuple[str, int], ...]
    user: str | None
    password: str | None = field(repr=False)
    database: str | None
    options: Options


def read_url(text: str) -> URL | Server:
    """What a ledger's URL means.

    Returns:
        A SQLite URL with its asynchronous driver, or a server.

    Raises:
        LedgerError: It is no usable database URL; contains what to write instead, and shows no part that may be secret.
    """
    text = text.strip()
    scheme, sign, rest = text.partition("://")
    if not sign or not _SCHEME.fullmatch(scheme):
        raise LedgerError(NOTHING, NO_URL, USABLE)
    kind = scheme.lower().partition("+")[0]
    if kind == "sqlite":
        return _read_file(text)
    if kind not in POSTGRESQL:
        raise LedgerError(redact(kind), "this kind of database is not supported", USABLE)
    return _read_server(kind, rest)


def shown(url: URL | Server) -> str:
    """A URL as it may be shown: without a password, and without options, where one may stand too."""
    if isinstance(url, Server):
        return url.where
    where = f"sqlite:///{url.database}"
    return "sqlite:///..." if _HIDING.search(where.removeprefix("sqlite://")) else where


def _read_file(text: str) -> URL:
    try:
        parsed = make_url(text)
    except (ArgumentError, ValueError):
        raise LedgerError("sqlite://...", NO_URL, USABLE) from None
    if parsed.host or parsed.username or parsed.password or parsed.port or "://" in (parsed.database or ""):
        raise LedgerError("sqlite://...", "a SQLite ledger is a file, and has no host", USABLE)
    if not parsed.database or ":memory:" in parsed.database or parsed.query.get("mode") == "memory":
        raise LedgerError("sqlite://", "a ledger in memory forgets who was called", USABLE)
    try:
        create_engine(parsed.set(drivername="sqlite")).dialect.create_connect_args(parsed)
    except (ArgumentError, TypeError, ValueError):
        # The words of the error would show the value.
        raise LedgerError("sqlite:///...", "an option has a value that it cannot have", USABLE) from None
    return parsed.set(drivername="sqlite+aiosqlite")


def _read_server(kind: str, rest: str) -> Server:
    hidden = f"{kind}://..."
    login, _, place = rest.rpartition("@")
    # Before the last @ stands the login, and nothing else: a password that is not encoded moves it into the options.
    if re.search(r"[@/#?\s]", login) or "#" in place or _BROKEN.search(rest) or re.search(r"\s", place):
        raise LedgerError(hidden, "it can be read in more than one way", ENCODE)
    login, _, password = login.partition(":")
    location, _, query = place.partition("?")
    authority, _, path = location.partition("/")
    try:
        hosts = _hosts(authority)
    except ValueError:
        raise LedgerError(hidden, NO_URL, USABLE) from None
    given = _query(hidden, query)
    user = _one_of(hidden, "user", unquote(login), given.pop("user", ""))
    in_options = bool(PASSWORDS & given.keys())
    secret = _one_of(hidden, "password", unquote(password), given.pop("password", ""))
    database = _one_of(hidden, "database", unquote(path), given.pop("dbname", ""))
    hosts = _hosts_of(hidden, hosts, given)
    where = _shown(kind, user, hosts, database)
    options = read_options(where, given, names_may_be_secret=in_options)
    return Server(where, hosts, user, secret, database, options)


def _query(hidden: str, query: str) -> dict[str, str]:
    """The options by name. As in libpq a "+" is a plus, and each is given once."""
    given: dict[str, str] = {}
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        name = {"database": "dbname"}.get(unquote(name), unquote(name))
        if name in given and given[name] != unquote(value):
            raise LedgerError(hidden, "it gives an option twice", USABLE)
        if name:
            given[name] = unquote(value)
    return given


def _one_of(hidden: str, name: str, first: str, second: str) -> str | None:
    """What is given in front, or among the options."""
    if first and second and first != second:
        raise LedgerError(hidden, f"it gives its {name} twice", USABLE)
    return first or second or None


def _hosts(authority: str) -> tuple[tuple[str, int], ...]:
    """Hosts with their ports. Raises `ValueError` where there are others than that."""
    found = []
    for part in authority.split(",") if authority else ():
        match = _HOST.fullmatch(part)
        if match is None:
            raise ValueError("no host")
        port = int(match["v6_port"] or match["port"] or PORT)
        if not 0 < port < 65_536:
            raise ValueError("no port")
        found.append((unquote(match["v6"] or match["name"] or ""), port))
    return tuple(found)


def _hosts_of(
    hidden: str, hosts: tuple[tuple[str, int], ...], given: dict[str, str]
) -> tuple[tuple[str, int], ...]:
    """The same with `host` and `port` of the options, which name several with commas."""
    names, ports = given.pop("host", ""), given.pop("port", "")
    named = [name for name, _ in hosts if name]
    if names and named and names.split(",") != named:
        raise LedgerError(hidden, "it gives its host twice", USABLE)
    every = names.split(",") if names else named
    if hosts and not every:
        every = ["localhost"]  # a port alone
    if not ports:
        return hosts if named else tuple((name, hosts[0][1] if hosts else PORT) for name in every)
    numbers = ports.split(",")
    if not all(number.isascii() and number.isdigit() and 0 < int(number) < 65_536 for number in numbers):
        raise LedgerError(hidden, NO_URL, USABLE)
    if len(numbers) not in (1, len(every) or 1):
        raise LedgerError(hidden, "it gives not one port for each host", USABLE)
    numbers = numbers * (len(every) or 1) if len(numbers) == 1 else numbers
    return tuple(zip(every or ["localhost"], map(int, numbers), strict=True))


def _shown(kind: str, user: str | None, hosts: tuple[tuple[str, int], ...], database: str | None) -> str:
    places = ",".join(_place(name, port) for name, port in hosts if not name.startswith("/"))
    who = f"{_safe(user)}:***@" if user else ""
    return f"{kind}://{who}{places}/{_safe(database or '')}"


def _place(name: str, port: int) -> str:
    if not _PLAIN.fullmatch(name.replace(":", ".")):
        return "***"
    host = f"[{name}]" if ":" in name else name
    return f"{host}:{port}" if port != PORT else host


def _safe(name: str) -> str:
    return name if not name or _PLAIN.fullmatch(name) else "***"
