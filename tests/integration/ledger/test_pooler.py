"""A ledger behind a pooler in transaction mode, and behind TLS, as hosted databases are."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import select, text

from flireo_flows.ledger import Database, LedgerError
from flireo_flows.ledger.postgresql import FSYNC_MAY_BE_OFF, forgets
from flireo_flows.ledger.schema import meta
from tests.support.calling.campaign import Campaign, person
from tests.support.certificates import Authority, Signed
from tests.support.pooler import Pooler, run_pooler
from tests.support.postgres import Postgres

pytestmark = pytest.mark.postgres
ANNA, BEN = "+442079460001", "+442079460002"
DURABLE = text(
    "SELECT current_setting('synchronous_commit'), current_setting('idle_in_transaction_session_timeout')"
)


@pytest.fixture
def pooler(postgres: Postgres) -> Iterator[Pooler]:
    """Two sessions for everybody."""
    with run_pooler(postgres, postgres.fresh_database()) as running:
        yield running


@pytest.fixture(params=["direct", "pooled"])
def url(request: pytest.FixtureRequest, postgres: Postgres) -> str:
    """A ledger that does not exist yet, without and with a pooler."""
    if request.param == "direct":
        return postgres.fresh_database()
    behind: Pooler = request.getfixturevalue("pooler")
    return behind.url()


async def test_a_ledger_is_opened_again_and_again(pooler: Pooler) -> None:
    keys = set()
    for _ in range(3):  # each leaves its statements in the pooler's sessions
        async with await Database.open(pooler.url()) as database:
            keys.add(database.key)
            async with database.read() as db:
                assert (await db.execute(select(meta.c.key))).all()
    assert len(keys) == 1


async def test_several_open_it_at_once(pooler: Pooler) -> None:
    opened = await asyncio.gather(*(Database.open(pooler.url()) for _ in range(6)))
    assert len({database.key for database in opened}) == 1
    await asyncio.gather(*(database.close() for database in opened))


async def test_two_runners_write_through_two_sessions(pooler: Pooler) -> None:
    async def work(name: str) -> int:
        async with await Database.open(pooler.url()) as database:
            campaign = Campaign(database, name=name)
            await campaign.take_in(person(ANNA if name == "one" else BEN))
            book = await campaign.runner()
            await asyncio.gather(*(campaign.leads() for _ in range(20)))
            return len(await campaign.begin(book, most=5))

    assert list(await asyncio.gather(work("one"), work("two"))) == [1, 1]


async def test_nothing_of_ours_stays_in_a_session(pooler: Pooler) -> None:
    """Whoever shares the pooler gets its sessions as they were: no setting, no lock, no statement."""
    async with await Database.open(pooler.url()) as database:
        async with database.write("spring") as db:
            await db.execute(select(meta))
        async with database.read() as db:
            await db.execute(select(meta))
    other = await asyncpg.connect(pooler.url(), statement_cache_size=0)
    try:
        for _ in range(4):
            async with other.transaction():
                assert await other.fetchval("SHOW idle_in_transaction_session_timeout") == "0"
                assert (
                    await other.fetchval("SELECT count(*) FROM pg_prepared_statements WHERE name <> ''") == 0
                )
                locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
                assert await other.fetchval(locks) == 0
    finally:
        await other.close()


async def test_every_transaction_is_durable_whatever_the_defaults_are(url: str, postgres: Postgres) -> None:
    name = url.partition("?")[0].rpartition("/")[2]
    for default in ("off", "local", "remote_write"):
        postgres.sql(f"ALTER DATABASE {name} SET synchronous_commit = '{default}'")
        async with await Database.open(url) as database:
            for _ in range(2):
                async with database.write() as db:
                    assert (await db.execute(DURABLE)).one() == ("on", "30s")
                async with database.write("spring") as db:
                    assert (await db.execute(DURABLE)).one() == ("on", "30s")
                async with database.read() as db:
                    assert (await db.execute(DURABLE)).one() == ("on", "30s")
            whole = await database.write_whole(lambda db: db.execute(DURABLE).one())
            assert whole == ("on", "30s")


@pytest.fixture
def careless(postgres: Postgres) -> Iterator[Postgres]:
    """A server with fsync=off that is no test's."""
    postgres.sql(f"ALTER ROLE ALL SET {FSYNC_MAY_BE_OFF} = 'off'")
    yield postgres
    postgres.sql(f"ALTER ROLE ALL SET {FSYNC_MAY_BE_OFF} = 'on'")


async def test_a_server_that_does_not_keep_what_it_is_given_is_refused(careless: Postgres, url: str) -> None:
    with pytest.raises(LedgerError) as refused:
        await Database.open(url)
    reported = str(refused.value)
    assert "the server runs with fsync=off, and would forget who was called" in reported
    assert reported.endswith("Set fsync=on in its postgresql.conf, and reload it.")
    careless.sql("ALTER SYSTEM SET fsync = on")
    careless.sql("SELECT pg_reload_conf()")
    try:
        async with await Database.open(url):
            pass
    finally:
        careless.sql("ALTER SYSTEM SET fsync = off")
        careless.sql("SELECT pg_reload_conf()")


async def test_a_server_that_only_claims_that_it_is_neon_is_refused(careless: Postgres, url: str) -> None:
    """The setting that tells is one that no client and no role can set."""
    careless.sql("ALTER ROLE ALL SET neon.timeline_id = 'x'")
    try:
        with pytest.raises(LedgerError, match="fsync=off"):
            await Database.open(url)
    finally:
        careless.sql("ALTER ROLE ALL RESET neon.timeline_id")


def test_neon_keeps_what_it_is_given_though_fsync_is_off() -> None:
    assert forgets("off", None, on_neon=False) and forgets("off", "off", on_neon=False)
    assert not forgets("off", None, on_neon=True)
    assert not forgets("off", "on", on_neon=False)
    assert not forgets("on", None, on_neon=False)


# TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(open_folder(tmp_path_factory))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Another authority, which no one trusts."""
    return Authority(open_folder(tmp_path_factory), "stranger")


def open_folder(factory: pytest.TempPathFactory) -> Path:
    """A folder that the pooler may read too, which is not root's."""
    folder = factory.mktemp("tls")
    for part in (folder, folder.parent, folder.parent.parent):
        part.chmod(0o755)
    return folder


@pytest.fixture
def secured(postgres: Postgres, authority: Authority) -> Iterator[Pooler]:
    """It speaks TLS alone, and is known as 127.0.0.1 and db.test."""
    with run_pooler(
        postgres, postgres.fresh_database(), **tls(authority.sign("127.0.0.1", "db.test"))
    ) as running:
        yield running


def tls(signed: Signed, mode: str = "require", **others: Path) -> dict[str, Any]:
    files = {"client_tls_cert_file": signed.certificate, "client_tls_key_file": signed.key, **others}
    return {"client_tls_sslmode": mode, **files}


async def opens(url: str) -> bool:
    async with await Database.open(url) as database, database.read() as db:
        return bool((await db.execute(select(meta))).all())


@pytest.mark.parametrize(
    "options",
    [
        "",  # what the server offers
        "sslmode=prefer",
        "sslmode=require",
        "sslmode=require&channel_binding=require",  # Neon
        "sslmode=prefer&channel_binding=prefer",
        "channel_binding=require",
        "sslmode=require&connect_timeout=10",
        "sslmode=require&application_name=dialler&keepalives=1",
        "sslmode=verify-ca&sslrootcert={ca}",
        "sslmode=verify-full&sslrootcert={ca}",
        "sslmode=verify-full&sslrootcert={ca}&target_session_attrs=read-write",
        "sslmode=require&sslrootcert={ca}",
        "ssl=true",
        "ssl=require",
    ],
)
async def test_a_server_with_tls_is_reached_as_the_url_asks(
    secured: Pooler, authority: Authority, options: str
) -> None:
    assert await opens(secured.url(options.format(ca=authority.file)))


async def test_what_the_machine_trusts_is_trusted(
    secured: Pooler, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = secured.url("sslmode=verify-full&sslrootcert=system")
    with pytest.raises(LedgerError, match="its certificate is not trusted"):
        await opens(url)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))  # where OpenSSL looks
    assert await opens(url)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("sslmode=disable", "SSL required"),
        ("sslmode=verify-full&sslrootcert={stranger}", "its certificate is not trusted"),
        ("sslmode=verify-ca&sslrootcert={stranger}", "its certificate is not trusted"),
        (
            "sslmode=verify-full&sslrootcert=/nonexistent.pem",
            "the file of its option sslrootcert: No such file",
        ),
        ("sslmode=require&sslcert={ca}", "TLS failed|its certificate"),
        ("sslmode=verify-full&sslrootcert={empty}", "TLS failed|sslrootcert"),
    ],
)
async def test_a_server_that_cannot_be_trusted_is_a_sentence(
    secured: Pooler, authority: Authority, stranger: Authority, tmp_path: Path, options: str, says: str
) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    url = secured.url(options.format(ca=authority.file, stranger=stranger.file, empty=empty))
    with pytest.raises(LedgerError, match=says) as refused:
        await opens(url)
    assert "\n" not in str(refused.value) and secured.password not in str(refused.value)


async def test_the_name_of_the_server_counts_with_verify_full_alone(
    postgres: Postgres, authority: Authority
) -> None:
    with run_pooler(postgres, postgres.fresh_database(), **tls(authority.sign("elsewhere.test"))) as other:
        assert await opens(other.url(f"sslmode=verify-ca&sslrootcert={authority.file}"))
        with pytest.raises(LedgerError, match=r"its certificate is not trusted: .*127\.0\.0\.1"):
            await opens(other.url(f"sslmode=verify-full&sslrootcert={authority.file}"))


async def test_a_certificate_that_has_expired_is_not_trusted(
    postgres: Postgres, authority: Authority
) -> None:
    with run_pooler(postgres, postgres.fresh_database(), **tls(authority.sign(expired=True))) as old:
        assert await opens(old.url("sslmode=require"))
        with pytest.raises(LedgerError, match="its certificate is not trusted: certificate has expired"):
            await opens(old.url(f"sslmode=verify-full&sslrootcert={authority.file}"))


async def test_a_certificate_of_ones_own_is_shown(postgres: Postgres, authority: Authority) -> None:
    asks = tls(authority.sign(), "verify-full", client_tls_ca_file=authority.file)
    mine = authority.sign("app")
    shows = f"sslcert={mine.certificate}&sslkey={mine.key}"
    with run_pooler(postgres, postgres.fresh_database(), **asks) as strict:
        assert await opens(strict.url(f"sslmode=verify-full&sslrootcert={authority.file}&{shows}"))
        with pytest.raises(LedgerError):
            await opens(strict.url("sslmode=require"))


async def test_a_server_without_tls_is_not_reached_where_the_url_asks_for_it(pooler: Pooler) -> None:
    for options in ("sslmode=require", "sslmode=prefer&channel_binding=require"):
        with pytest.raises(LedgerError, match="rejected SSL upgrade"):
            await opens(pooler.url(options))
    assert await opens(pooler.url("sslmode=prefer"))


async def test_a_wrong_password_is_named_without_it(pooler: Pooler) -> None:
    with pytest.raises(LedgerError) as refused:
        await opens(pooler.url(password="battery-staple"))
    assert "battery" not in f"{refused.value} {refused.value!r}"
    assert "app:***@127.0.0.1" in str(refused.value)


async def test_the_next_host_is_tried(pooler: Pooler) -> None:
    url = pooler.url().replace("127.0.0.1:", "127.0.0.1:1,127.0.0.1:")
    assert await opens(url)


async def test_a_server_that_opts_outthing_is_not_waited_for_for_ever() -> None:
    async def hush(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(hush, "127.0.0.1", 0)
    async with silent:
        port = silent.sockets[0].getsockname()[1]
        url = f"postgresql://app:pw@127.0.0.1:{port}/app?connect_timeout=2&sslmode=disable"
        with pytest.raises(LedgerError, match="no connection within 2 seconds"):
            await opens(url)
