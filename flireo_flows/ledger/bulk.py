"""Insert rows with as few statements as there can be.

With SQLite each row of an `executemany` is a step of its own, before and after which the driver waits for
Python's lock: in a thread beside a busy event loop that is most of the time. One statement of many rows is one
step. SQLAlchemy can write it, but not remember it; so it is remembered here, for a few sizes.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Dialect, Table, bindparam, insert

SIZES: Final = (128, 64, 32, 16, 8, 4, 2, 1)  # rows a statement; ten columns of 128 are far below any limit


def insert_rows(db: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all name the same columns, in their order.

    Raises:
        IntegrityError: One is there already; the transaction is to be given up.
    """
    if db.dialect.name != "sqlite":
        db.execute(insert(table), [dict(row) for row in rows])  # its driver sends them all at once
        return
    names, done = tuple(rows[0]), 0
    for size in SIZES:
        while len(rows) - done >= size:
            statement, order = _statement(table, names, size, db.dialect)
            given = {f"{name}_{i}": rows[done + i][name] for i in range(size) for name in names}
            db.exec_driver_sql(statement, tuple(given[name] for name in order))
            done += size


@lru_cache(maxsize=64)
def _statement(
    table: Table, names: tuple[str, ...], size: int, dialect: Dialect
) -> tuple[str, tuple[str, ...]]:
    """The statement for so many rows, and its parameters in their order."""
    places = [
        {name: bindparam(f"{name}_{i}", type_=table.c[name].type) for name in names} for i in range(size)
    ]
    compiled = insert(table).values(places).compile(dialect=dialect)
    return str(compiled), tuple(compiled.positiontup or ())
