"""Which database a URL means, as people have it, and that no part of a password is ever shown."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flireo_flows.ledger import LedgerError
from flireo_flows.ledger.database_url import Server, read_url
from tests.support.ledger.passwords import PIECES

LOGIN = "postgresql://app:correct-horse@db.example.org"


def server(url: str) -> Server:
    found = read_url(url)
    assert isinstance(found, Server)
    return found


def refusal(url: str) -> str:
    """Why a URL is no ledger's, in one sentence and what to do."""
    with pytest.raises(LedgerError) as refused:
        read_url(url)
    reported = str(refused.value)
    assert "\n" not in reported and "FLIREO_LEDGER_URL" in reported
    return reported


# As providers hand them out

NEON = "postgresql://anna:npg_hush@ep-1-pooler.eu-central-1.aws.neon.tech/neondb?sslmode=require&channel_binding=require"
PROVIDERS: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "Neon": (NEON, {"sslmode": "require"}, {}),
    "Neon, for old drivers": (
        "postgres://anna:hush@ep-cool-1.neon.tech/neondb?sslmode=require&options=endpoint%3Dep-cool-1",
        {"sslmode": "require"},
        {"options": "endpoint=ep-cool-1"},
    ),
    "Heroku": ("postgres://u1:hush@ec2-1-2-3-4.compute-1.amazonaws.com:5432/d1", {}, {}),
    "Render": (
        "postgresql://u1:hush@dpg-a1-a.frankfurt-postgres.render.com/app_x?sslmode=prefer&connect_timeout=10",
        {"sslmode": "prefer"},
        {},
    ),
    "DigitalOcean": (
        "postgresql://doadmin:hush@db-1.b.db.ondigitalocean.com:25060/defaultdb?sslmode=require",
        {"sslmode": "require"},
        {},
    ),
    "Supabase, direct": ("postgresql://postgres:hush@db.abc.supabase.co:5432/postgres", {}, {}),
    "Supabase, pooler": (
        "postgres://postgres.abc:hush@aws-0-eu.pooler.supabase.com:6543/postgres?pgbouncer=true&connection_limit=1",
        {},
        {},
    ),
    "Supabase at Vercel": (
        "postgres://postgres.abc:hush@aws-0-eu.pooler.supabase.com:6543/postgres?sslmode=require&supa=base-pooler.x",
        {"sslmode": "require"},
        {},
    ),
    "Azure": (
        "postgresql://anna%40srv:hush@srv.postgres.database.azure.com:5432/app?sslmode=require",
        {"sslmode": "require"},
        {},
    ),
    "Aiven": (
        "postgres://avnadmin:AVNS_x@pg-1.aivencloud.com:12691/defaultdb?sslmode=require",
        {"sslmode": "require"},
        {},
    ),
    "Prisma": (
        "postgresql://u:hush@h/db?schema=public&pool_timeout=10&sslmode=require",
        {"sslmode": "require"},
        {},
    ),
    "Rails": (
        "postgresql://u:hush@h/db?prepared_statements=false&application_name=dialler",
        {},
        {"application_name": "dialler"},
    ),
    "Node": ("postgresql://u:hush@h/db?ssl=true&uselibpqcompat=true", {"sslmode": "require"}, {}),
    "asyncpg": (
        "postgresql+asyncpg://u:hush@h/db?ssl=require&prepared_statement_cache_size=0",
        {"sslmode": "require"},
        {},
    ),
    "libpq": (
        "postgresql://u:hush@h/db?keepalives=1&keepalives_idle=30&tcp_user_timeout=5&gssencmode=disable"
        "&client_encoding=utf8&target_session_attrs=read-write&options=-c%20statement_timeout%3D60000",
        {"target_session_attrs": "read-write"},
        {"options": "-c statement_timeout=60000"},
    ),
}


@pytest.mark.parametrize(("url", "driver", "settings"), PROVIDERS.values(), ids=PROVIDERS.keys())
def test_a_url_is_read_as_a_provider_hands_it_out(url: str, driver: Any, settings: Any) -> None:
    read = server(url)
    assert (read.options.driver, read.options.settings) == (driver, settings)
    assert read.password and read.password not in read.where
    assert read.hosts and all(name in url for name, _ in read.hosts)


def test_rds_names_its_certificates(tmp_path: Path) -> None:
    bundle = tmp_path / "global-bundle.pem"
    bundle.touch()
    options = server(f"{LOGIN}/app?sslmode=verify-full&sslrootcert={bundle}").options
    assert options.driver == {"sslmode": "verify-full", "sslrootcert": str(bundle)}
    assert not options.system_trust
    assert server(f"{LOGIN}/app?sslmode=verify-full&sslrootcert=system").options.system_trust
    assert server(f"{LOGIN}/app?sslrootcert=system").options.system_trust


@pytest.mark.parametrize(
    ("place", "hosts"),
    [
        ("db/app", (("db", 5432),)),
        ("db:6543/app", (("db", 6543),)),
        ("10.0.0.7:6543/app", (("10.0.0.7", 6543),)),
        ("[::1]:6543/app", (("::1", 6543),)),
        ("[2001:db8::7]/app", (("2001:db8::7", 5432),)),
        ("one:1,two:2/app", (("one", 1), ("two", 2))),
        ("one,two:2/app", (("one", 5432), ("two", 2))),
        ("/app", ()),
        ("/app?host=/tmp/x", (("/tmp/x", 5432),)),
        ("/app?host=%2Ftmp%2Fx&port=7", (("/tmp/x", 7),)),
        ("%2Ftmp%2Fx/app", (("/tmp/x", 5432),)),
        ("/app?host=one,two&port=1,2", (("one", 1), ("two", 2))),
        ("/app?host=one,two&port=3", (("one", 3), ("two", 3))),
        (":7/app", (("localhost", 7),)),
    ],
)
def test_every_way_to_name_a_host_is_read(place: str, hosts: Any) -> None:
    for login in ("", "app:hush@", "app@"):
        read = server(f"postgresql://{login}{place}")
        assert (read.hosts, read.database) == (hosts, "app")


@pytest.mark.parametrize(
    ("password", "written"),
    [
        ("p@ss/w#r?d%", quote("p@ss/w#r?d%", safe="")),
        ("a:b:c", "a:b:c"),
        ("a+b", "a+b"),
        ("a&b=c", "a&b=c"),
        ("!$'()*,;~[]|\\^`{}", "!$'()*,;~[]|\\^`{}"),
        ("pässwörd", "pässwörd"),
        (" ", "%20"),
    ],
)
def test_a_password_is_read_as_libpq_reads_it(password: str, written: str) -> None:
    assert server(f"postgresql://app:{written}@db/app").password == password
    if not set("&") & set(written):
        assert server(f"postgresql://db/app?user=app&password={written}").password == password


# What cannot be kept is named in a sentence

REFUSED: dict[str, tuple[str, str]] = {
    "unknown": ("colour=blue", "its option colour is unknown"),
    "sslmode": ("sslmode=no-verify", "its option sslmode is none of disable, allow, prefer"),
    "ssl": ("ssl=perhaps", "its option ssl is none of"),
    "empty files": (
        "sslmode=require&sslrootcert=/nonexistent.pem",
        "the file of its option sslrootcert: No such file",
    ),
    "client certificate": ("sslmode=require&sslcert=/nonexistent.pem", "the file of its option sslcert"),
    "channel binding without TLS": (
        "sslmode=disable&channel_binding=require",
        "channel_binding=require needs TLS",
    ),
    "weak mode with the system's": ("sslmode=require&sslrootcert=system", "goes with sslmode=verify-full"),
    "session": ("target_session_attrs=writable", "target_session_attrs is none of any, read-write"),
    "timeout": ("connect_timeout=soon", "connect_timeout is no number of seconds"),
    "schema": ("schema=calls", "its option schema cannot be kept. Name the schema with options"),
    "address": ("hostaddr=10.0.0.7", "its option hostaddr cannot be kept"),
    "Kerberos": ("gssencmode=require", "its option gssencmode cannot be kept"),
    "login": ("require_auth=scram-sha-256", "its option require_auth cannot be kept"),
    "replication": ("replication=database", "its option replication cannot be kept"),
    "service": ("service=mine", "its option service cannot be kept"),
    "user twice": ("user=ben", "it gives its user twice"),
    "database twice": ("dbname=other", "it gives its database twice"),
    "host twice": ("host=elsewhere", "it gives its host twice"),
    "option twice": ("sslmode=require&sslmode=disable", "it gives an option twice"),
    "ports": ("port=1,2", "not one port for each host"),
    "port": ("port=https", "this is no database URL"),
    "fragment": ("sslmode=require#x", "more than one way"),
    "address in an option": ("application_name=me@here", "more than one way"),
}


@pytest.mark.parametrize(("options", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_kept_is_named(options: str, says: str) -> None:
    reported = refusal(f"{LOGIN}/app?{options}")
    assert says in reported
    assert "correct-horse" not in reported


def test_certificates_to_check_against_are_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for mode in ("verify-ca", "verify-full"):
        assert "Add sslrootcert=FILE, or sslmode=verify-full&sslrootcert=system" in refusal(
            f"{LOGIN}/a?sslmode={mode}"
        )
    monkeypatch.setenv("PGSSLROOTCERT", str(tmp_path / "root.pem"))
    assert server(f"{LOGIN}/a?sslmode=verify-full").options.driver == {"sslmode": "verify-full"}


@pytest.mark.parametrize(
    ("text", "seconds"), [("10", 10), ("1", 2), ("0", 30), ("-1", 30), ("2.5", 2.5), ("", 30)]
)
def test_a_connection_is_waited_for_as_the_url_asks(text: str, seconds: float) -> None:
    assert server(f"{LOGIN}/app?connect_timeout={text}").options.timeout == seconds


@pytest.mark.parametrize(
    "url",
    [
        "host=db user=app password=correct-horse dbname=app",
        "host=db user=app password='correct horse' dbname=app",
        "host = db  password = correct-horse",
        "PGPASSWORD=correct-horse psql -h db app",
        "pgpassword=correct-horse host=db",
        "password=correct-horse",
        "jdbc:postgresql://db/app?user=app&password=correct-horse",
        '"postgresql://app:correct-horse@db/app"',
        "FLIREO_LEDGER_URL=postgresql://app:correct-horse@db/app",
        "postgresql:/app:correct-horse@db/app",
        "postgresql:app:correct-horse@db/app",
        "postgresql:///app:correct-horse@db/app",
        "//app:correct-horse@db/app",
        "app:correct-horse@db/app",
        "correct-horse",
        "postgresql://app:correct-horse@db:port/app",
        "postgresql://app:correct-horse/app",
        "postgresql://app:correct-horse@db/app password=correct-horse",
        "postgresql://app:correct-horse@[::1/app",
        "postgresql://app:correct-horse@db:0/app",
        "postgresql://app:correct-horse@db:99999/app",
        "mysql://app:correct-horse@db/app",
        "sqlite://app:correct-horse@db/app",
        "sqlite:///ledger.db?timeout=correct-horse",
        "sqlite:///ledger.db?check_same_thread=correct-horse",
        "sqlite:///ledger.db?cached_statements=correct-horse&password=correct-horse",
        "sqlite:///file:ledger.db?uri=correct-horse",
        "sqlite:///postgresql://app:correct-horse@db/app",
        "postgresql://app:x@db/app?password=correct-horse",
        "postgresql://db/app?user=app&password=a&correct-horse",
        "postgresql://db/app?user=app&password=a&horse=correct-horse",
        "postgresql://db/app&password=correct-horse?x=1",
        "postgresql://db/app?sslpassword=correct-horse&colour=blue",
    ],
)
def test_what_is_no_url_of_ours_is_refused_and_not_shown(url: str) -> None:
    reported = refusal(url)
    assert "horse" not in reported and "correct" not in reported


@given(pieces=PIECES, between=st.lists(st.sampled_from("@/#?%"), min_size=1, max_size=3))
def test_special_characters_are_asked_for_percent_encoded(pieces: list[str], between: list[str]) -> None:
    password = pieces[0] + "".join(between) + "Zq"  # "%Zq" is no encoded character either
    reported = refusal(f"postgresql://me:{password}@db/app")
    assert "percent-encoded: @ as %40" in reported
    assert server(f"postgresql://me:{quote(password, safe='')}@db/app").password == password
