"""Connect to a ledger in PostgreSQL, also through a pooler that gives each transaction another session.

So nothing here outlives a transaction: settings are `SET LOCAL`, locks are those of transactions, and through a pooler
no statement has a name. Source: PgBouncer's documentation, "Feature matrix" of transaction pooling.
"""

import asyncio
import ssl
from typing import Any, Final
from urllib.parse import quote, urlencode

import asyncpg
from sqlalchemy import Connection, event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from flireo_flows.api.redaction import hide
from flireo_flows.ledger.database_url import Server
from flireo_flows.ledger.errors import CHECK, LedgerError, words_of

FROZEN_SECONDS: Final = 30  # how long PostgreSQL waits for the next word in a transaction
SHORTEST_SECRET: Final = 4  # characters; what is shorter may be part of a word
CACHED_STATEMENTS: Final = 100  # a connection
# A commit is on the disk when it returns, whatever the server's or the role's default is: what was not written down
# is called again. And a runner that stops in a transaction, with its machine or alone, keeps no one waiting for ever.
# Source: PostgreSQL's documentation of synchronous_commit and idle_in_transaction_session_timeout.
SET_UP: Final = (
    "SELECT set_config('synchronous_commit', 'on', true), "
    f"set_config('idle_in_transaction_session_timeout', '{FROZEN_SECONDS}s', true)"
)
# With fsync off the disk may not have what was committed. Tests that stop no machine switch it off, and say so to their
# server: ALTER ROLE ALL SET flireo.fsync_may_be_off = 'on'.
FSYNC_MAY_BE_OFF: Final = "flireo.fsync_may_be_off"
LOOK: Final = (
    "SELECT pg_backend_pid() AS pid, current_setting('fsync') AS fsync, current_setting($1, true) AS may_be_off, "
    "EXISTS (SELECT FROM pg_settings WHERE name = 'neon.timeline_id' AND context = 'postmaster') AS on_neon"
)
FSYNC: Final = "the server runs with fsync=off, and would forget who was called when its machine stops"
SWITCH_ON: Final = "Set fsync=on in its postgresql.conf, and reload it."
FAILURES: Final = (
    OSError,
    ValueError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


async def is_pooled(server: Server) -> bool:
    """Connect once, before anything is written, and find out whether a pooler stands in between.

    Raises:
        LedgerError: It cannot be reached, refuses us, or would not keep what it is given.
    """
    try:
        connection = await connect(server)
        try:
            async with connection.transaction():
                row = await connection.fetchrow(LOOK, FSYNC_MAY_BE_OFF)
            pid = connection.get_server_pid()
        finally:
            await connection.close(timeout=server.options.timeout)
    except FAILURES as error:
        raise LedgerError(server.where, _reason(server, error), CHECK) from None
    if forgets(row["fsync"], row["may_be_off"], on_neon=row["on_neon"]):
        raise LedgerError(server.where, FSYNC, SWITCH_ON)
    # A pooler gives its clients process ids of its own.
    return bool(row["pid"] != pid)


def forgets(fsync: str, may_be_off: str | None, *, on_neon: bool) -> bool:
    """Whether a server may lose what was committed when its machine stops.

    Neon runs with fsync off, and a commit waits for its storage on other machines instead (Neon's documentation,
    "Postgres compatibility", parameter settings). A setting that only its server can have distinguishes it from others.
    """
    return fsync == "off" and may_be_off != "on" and not on_neon


async def connect(server: Server, statement_cache_size: int = 0) -> Any:
    """A connection of the driver's own kind."""
    words = dict(server.options.driver)
    context = _trusting(words) if server.options.system_trust else None
    return await asyncpg.connect(
        # The driver reads these words only from a URL.
        dsn=f"postgresql://?{urlencode(words, quote_via=quote)}" if words else None,
        host=[name for name, _ in server.hosts] or None,
        port=[port for _, port in server.hosts] or None,
        user=server.user,
        password=server.password,
        database=server.database,
        ssl=context,
        timeout=server.options.timeout,
        statement_cache_size=statement_cache_size,
        server_settings=dict(server.options.settings),
    )


def engine_of(server: Server, pooled: bool) -> AsyncEngine:
    """An engine, each of whose transactions is durable.

    Args:
        server: Where to connect to.
        pooled: A pooler stands in between. Statements then have no names and no cache: the next transaction may be in
            another session, where they are unknown, or another client's.
    """
    cached = 0 if pooled else CACHED_STATEMENTS

    async def creator(**_: object) -> Any:
        return await connect(server, cached)

    names: dict[str, object] = {"prepared_statement_name_func": str} if pooled else {}
    engine = create_async_engine(
        URL.create(
            "postgresql+asyncpg", host=server.hosts[0][0] if server.hosts else None, database=server.database
        ),
        connect_args={"async_creator_fn": creator, "prepared_statement_cache_size": cached, **names},
        pool_pre_ping=True,
        hide_parameters=True,  # they hold numbers, and would stand in the text of every error
    )
    event.listen(engine.sync_engine, "begin", _set_up)
    return engine


def _set_up(connection: Connection) -> None:
    connection.exec_driver_sql(SET_UP)


def _trusting(words: dict[str, str]) -> ssl.SSLContext:
    """TLS that trusts what this machine trusts, and shows the client's own certificate where there is one."""
    context = ssl.create_default_context()
    if words.get("sslcert"):
        context.load_cert_chain(words["sslcert"], words.get("sslkey"), words.get("sslpassword", ""))
    return context


def _reason(server: Server, error: Exception) -> str:
    """Why there is no connection, in words without the password."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or 'for an unknown reason'}"
    if isinstance(error, asyncio.TimeoutError | TimeoutError):
        return f"no connection within {server.options.timeout:g} seconds"
    password = server.password or ""
    return hide(words_of(error), [password] if len(password) >= SHORTEST_SECRET else [])
