"""Open a ledger: SQLite in a file, or PostgreSQL by URL; transactions; the ledger's clock."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, TypeVar
from urllib.parse import unquote, urlsplit

from asyncpg import PostgresError
from asyncpg.exceptions import InterfaceError as DriverError
from sqlalchemy import Connection, Row, Table, create_engine, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InvalidRequestError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from flireo_flows.api.identity import clean_name, name_key
from flireo_flows.api.steady_clock import steady_now
from flireo_flows.ledger import migrations
from flireo_flows.ledger.database_url import Server, read_url, shown
from flireo_flows.ledger.errors import (
    CHECK,
    KEEP,
    MEND,
    LedgerError,
    NoLedgerError,
    StatementRefusedError,
    is_outage,
    words_of,
)
from flireo_flows.ledger.postgresql import engine_of, is_pooled
from flireo_flows.ledger.schema import VERSION, campaigns
from flireo_flows.lifecycle.states import CampaignState

T = TypeVar("T")
BUSY_SECONDS: Final = 30  # how long one writer waits for another
WRITING: Final = 704_196  # first key of PostgreSQL's advisory lock; the campaign's hash is the second
CREATING: Final = 7_041_967_322  # key of the advisory lock under which PostgreSQL's tables are made


class Database:
    """A ledger's engine. Use `async with await Database.open(url)`.

    Attributes:
        where: Its URL without a password.
        key: Its own secret, under which the numbers of suppressed people are kept as digests.
    """

    def __init__(self, engine: AsyncEngine, where: str) -> None:
        self.engine, self.where = engine, where
        self.is_sqlite = engine.dialect.name == "sqlite"
        self.key = b""
        self._offset = time.time() - steady_now()
        self._remedy = CHECK
        # SQLite has one writer; waiting for it here is fair and costs no sleep.
        self._turn = asyncio.Lock()
        self._apart: _Apart | None = None

    @classmethod
    async def open(cls, url: str, *, existing: bool = False) -> Self:
        """Open a ledger, making its file and tables if they are not there.

        Args:
            url: `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/DATABASE`.
            existing: Only one that is there: for whoever only reads, so that a name or a URL with a slip in it makes
                nothing.

        Raises:
            NoLedgerError: There is none, and `existing` was asked for.
            LedgerError: The URL, the file or the server is not usable, or is of another version.
        """
        place = read_url(url)
        where = shown(place)
        if isinstance(place, Server):
            engine = engine_of(place, await is_pooled(place))
        else:
            await asyncio.to_thread(_find_file if existing else _make_file, place, where)
            engine = _sqlite_engine(place)
        database = cls(engine, where)
        try:
            await database._prepare(existing)
        except LedgerError:
            await database.close()
            raise
        except (SQLAlchemyError, OSError, sqlite3.Error, PostgresError, DriverError, TypeError) as error:
            # TypeError: the driver was given an option of the URL that it does not know.
            await database.close()
            raise LedgerError(where, words_of(error), CHECK) from None
        database._remedy = MEND
        return database

    def campaign(self, name: str) -> "CampaignLedger":
        """One campaign of this ledger, whatever the spelling of its name."""
        return CampaignLedger(self, name_key(name), name)

    async def close(self) -> None:
        """Close its connections."""
        if self._apart is not None:
            await self._apart.close()
        await self.engine.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exit_: object) -> None:
        await self.close()

    def now(self) -> float:
        """The ledger's clock, Unix seconds: PostgreSQL's own, so that runners on several machines agree.

        It is read once, when the ledger is opened, and goes on evenly from there: a clock that is set meanwhile
        shortens no duration.
        """
        return steady_now() + self._offset

    def insert_into(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """An INSERT that can have an ON CONFLICT clause, in the words of this database."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    async def server_skew(self) -> float:
        """How far PostgreSQL's clock is ahead of this machine's, seconds; 0 for SQLite, which has none of its own.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        if self.is_sqlite:
            return 0.0
        async with self.read() as db:
            return await _time_in(db) - time.time()

    @asynccontextmanager
    async def write(self, campaign: str = "") -> AsyncIterator[AsyncConnection]:
        """A transaction that may write; committed at the end, durable then.

        Args:
            campaign: Whoever writes to the same campaign takes turns, as all do in SQLite: what was counted
                stays true until the end, and two writers never wait for each other's rows.
        """
        if not self.is_sqlite:
            async with self._guarded(), self.engine.begin() as db:
                if campaign:
                    await db.execute(
                        select(func.pg_advisory_xact_lock(WRITING, func.hashtext(name_key(campaign))))
                    )
                yield db
            return
        async with self._turn, self._guarded(), self.engine.connect() as db:
            await db.execution_options(flireo_writes=True)
            async with db.begin():
                yield db

    async def write_whole(self, work: Callable[[Connection], T]) -> T:
        """A transaction that may write and has nothing to wait for within; committed and durable at the end.

        In SQLite it runs in a thread of its own, where it costs one change of threads instead of one or more
        for each statement: most of the time of a small transaction.

        Args:
            work: Given the connection; called once.
        """
        if not self.is_sqlite:
            async with self.write() as db:
                return await db.run_sync(work)
        if self._apart is None:
            self._apart = _Apart(self.engine.url)
        async with self._turn, self._guarded():
            return await self._apart.run(work)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads."""
        async with self._guarded(), self.engine.connect() as db, db.begin():
            yield db

    @asynccontextmanager
    async def _guarded(self) -> AsyncIterator[None]:
        """What the database cannot do becomes one clear error; what we got wrong stays what it is."""
        try:
            yield
        except (DBAPIError, PostgresError, DriverError, OSError) as error:
            if is_outage(error):
                raise LedgerError(self.where, words_of(error), self._remedy) from None
            if not isinstance(error, DBAPIError):
                raise
            # A refused statement is a fault of ours; but PostgreSQL quotes the row, and with it a number.
            raise type(error)(
                error.statement, None, StatementRefusedError(words_of(error)), hide_parameters=True
            ) from None

    async def _prepare(self, existing: bool) -> None:
        async with self.read() if existing else self.write() as db:
            if not self.is_sqlite:
                if not existing:
                    await db.execute(select(func.pg_advisory_xact_lock(CREATING)))
                self._offset = await _time_in(db) - steady_now()
            found = await db.run_sync(migrations.read if existing else migrations.prepare)
        if found is None:
            raise NoLedgerError(self.where)
        if not found.is_current:
            if existing and migrations.is_older(found):
                return await self._prepare(existing=False)
            raise LedgerError(self.where, _of_another_version(found.revision), KEEP)
        self.key = found.key
        return None


def from_row(kind: type[T], row: Row[Any], **others: Any) -> T:
    """A row as a dataclass whose fields have the names of its columns; `others` are given in their place."""
    names = kind.__annotations__.keys() - others.keys()
    return kind(**{name: getattr(row, name) for name in names}, **others)


async def _time_in(db: AsyncConnection) -> float:
    """PostgreSQL's clock, Unix seconds."""
    return float((await db.execute(select(func.extract("epoch", func.clock_timestamp())))).scalar_one())


@dataclass(frozen=True, slots=True)
class CampaignLedger:
    """One campaign in a ledger: what everything that reads or writes about a campaign is given.

    Attributes:
        name: The campaign's key: the same for every spelling of its name.
        given: Its name as it was given.
    """

    database: Database
    name: str
    given: str

    def now(self) -> float:
        """The ledger's clock, Unix seconds."""
        return self.database.now()

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """As `Database.read`."""
        return self.database.read()

    def write(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """As `Database.write`, of this campaign: no other one begins its calls meanwhile."""
        return self.database.write(self.name)

    async def register(self, db: AsyncConnection) -> None:
        """Write the campaign down, unless it is known, in whatever spelling. The first spelling is shown.

        Raises:
            CampaignNameError: It cannot be a campaign's name.
        """
        row = {"name": self.name, "shown": clean_name(self.given), "state": CampaignState.OPEN}
        add = self.database.insert_into(campaigns).values(row)
        await db.execute(add.on_conflict_do_nothing(index_elements=["name"]))


class _Apart:
    """A connection to a SQLite file in a thread of its own."""

    def __init__(self, url: URL) -> None:
        self._thread = ThreadPoolExecutor(1, "flireo-ledger")
        self._engine = create_engine(
            url.set(drivername="sqlite"),
            connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
            hide_parameters=True,
            execution_options={"flireo_writes": True},
        )
        event.listen(self._engine, "connect", _set_up_sqlite)
        event.listen(self._engine, "begin", _begin_sqlite)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """One transaction. Given up, it goes on to its end: it is short."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work)

    def _transact(self, work: Callable[[Connection], T]) -> T:
        with self._engine.begin() as db:
            return work(db)

    async def close(self) -> None:
        """After whatever runs."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown()


def _of_another_version(revision: str) -> str:
    """Which of the two is older, as far as its number shows."""
    known = revision.isascii() and revision.isdigit()
    whose = ("an older" if int(revision) < VERSION else "a newer") if known else "another"
    version = int(revision) if known else "unknown"
    return f"{whose} flireo-flows wrote it (version {version}; this one reads and writes version {VERSION})"


def _make_file(url: URL, where: str) -> None:
    """Make a SQLite file and its folder, or find out that they cannot be used, before the asynchronous driver
    does: it would leave a thread behind, and its traceback.
    """
    try:
        path_of(url).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(where, f"its folder cannot be made: {error.strerror}", CHECK) from None
    _try_file(url, where, _keep_log_ahead)


def _find_file(url: URL, where: str) -> None:
    """As `_make_file`, of a file that has to be there; nothing is written."""
    if not path_of(url).is_file():
        raise NoLedgerError(where)
    _try_file(url, where, lambda driver: driver.execute("PRAGMA schema_version"))


def _try_file(url: URL, where: str, use: Callable[[sqlite3.Connection], object]) -> None:
    file, options = _as_driver(url)
    try:
        with closing(sqlite3.connect(file, **options)) as driver:
            use(driver)
    except sqlite3.Error as error:
        raise LedgerError(where, words_of(error), CHECK) from None


def path_of(url: URL) -> Path:
    """The file of a SQLite URL, which may name it as a URI too: `sqlite:///file:/x/ledger.db?uri=true`.

    Raises:
        ArgumentError, ValueError: An option of the URL is not as it should be.
    """
    file, options = _as_driver(url)
    return Path(unquote(urlsplit(file).path) if options.get("uri") else file)


def _as_driver(url: URL) -> tuple[str, Mapping[str, Any]]:
    """File and options as the driver is given them."""
    (file, *_), options = create_engine(url.set(drivername="sqlite")).dialect.create_connect_args(url)
    return str(file), options


def _keep_log_ahead(driver: sqlite3.Connection) -> None:
    """Put the file in WAL mode, in which it stays: readers do not wait for the writer.

    Of two connections that do so to a new file at once, one fails at once as it is locked: each has what the
    other needs, so SQLite's own waiting (`timeout`) does not set in (sqlite.org/c3ref/busy_handler.html).
    """
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            driver.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(0.01)


def _sqlite_engine(url: URL) -> AsyncEngine:
    # hide_parameters: they hold numbers, and would stand in the text of every error.
    engine = create_async_engine(url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)
    event.listen(engine.sync_engine, "connect", _set_up_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    event.listen(engine.sync_engine, "invalidate", _unlock_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    """Durable before the request goes out: a commit is on the disk when it returns (synchronous=FULL)."""
    connection.isolation_level = None  # we say BEGIN ourselves, see below
    cursor = connection.cursor()
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _unlock_sqlite(connection: Any, _record: object, _exception: object) -> None:
    """Roll back a connection that is given up, as when its task is cancelled in the middle of a statement.

    Closing alone keeps its transaction, and with it the lock on everybody else, until the last cursor of the
    cancelled task was collected.
    """
    with suppress(ValueError, sqlite3.Error, InvalidRequestError):  # closed already, or not from a task
        connection.run_async(lambda driver: asyncio.shield(driver.rollback()))


def _begin_sqlite(connection: Any) -> None:
    """Take the write lock at once: one taken later fails when another writer was faster."""
    writes = connection.get_execution_options().get("flireo_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
