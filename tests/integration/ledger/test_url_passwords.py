"""No part of a password in the URL of a database is ever shown."""

import logging
import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flireo_flows.blocks import CallLedger
from flireo_flows.ledger import Database, LedgerError
from tests.support.ledger.passwords import PIECES

BETWEEN = st.text(st.sampled_from("@/#?:&=%+ \\'\"!;,[]{}<>|^`~$*()-_.é\t"), min_size=0, max_size=3)
PLACES = st.sampled_from(
    [
        "postgresql://me:{}@127.0.0.1:1/app",
        "postgres://me:{}@127.0.0.1:1,127.0.0.1:2/app?sslmode=prefer",
        "postgresql+asyncpg://me:{}@127.0.0.1:1/app?connect_timeout=2",
        "postgresql://me:{}@127.0.0.1:1/app?colour=blue",
        "postgresql://me:{}@[::1]:1/app",
        "postgresql://me:{}@/app?host=/nowhere",
        "postgresql://127.0.0.1:1/app?user=me&password={}",
        "postgresql://me@127.0.0.1:1/app?password={}&sslmode=disable",
        "host=127.0.0.1 port=1 user=me password={} dbname=app",
        "host=127.0.0.1 port=1 user=me password='{}' dbname=app",
        "host=127.0.0.1 port=1 PGPASSWORD = {}",
        "mysql://me:{}@127.0.0.1:1/app",
        "sqlite://me:{}@127.0.0.1/app",
        "postgresql:/me:{}@127.0.0.1:1/app",
        "postgresql//me:{}@127.0.0.1:1/app",
        "me:{}@127.0.0.1:1/app",
    ]
)


@given(pieces=PIECES, between=st.lists(BETWEEN, min_size=4, max_size=4), place=PLACES, encoded=st.booleans())
async def test_no_part_of_any_password_is_shown(
    pieces: list[str], between: list[str], place: str, encoded: bool
) -> None:
    password = "".join(piece + sign for piece, sign in zip(pieces, between, strict=False))
    url = place.format(quote(password, safe="") if encoded else password)
    records: list[logging.LogRecord] = []
    listening = logging.Handler()
    listening.emit = records.append  # type: ignore[method-assign, assignment]
    logging.getLogger().addHandler(listening)
    try:
        with pytest.raises(LedgerError) as refused:
            async with await Database.open(url):
                pass
    finally:
        logging.getLogger().removeHandler(listening)
    error = refused.value
    logged = " ".join(record.getMessage() for record in records)
    shown = (
        f"{error} {error!r} {error.args} {error.__cause__!r} {vars(error)} {logged} {CallLedger(url=url)!r}"
    )
    shown += CallLedger(url=url).kind
    assert not re.search("Zq7|q7X|7Xw|Kv9|v9J|9Jz|Xj4|j4Q|4Qk", shown), shown
