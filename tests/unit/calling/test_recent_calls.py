"""A new ledger reads the account's calls of the last seven days before it calls anyone, or calls no one."""

import pytest

from flireo_flows.ledger.call_history import tail_of


@pytest.mark.parametrize(
    ("phone", "tail"),
    [("+447700900001", "00900001"), ("0612345678", "12345678"), ("123", ""), ("", ""), ("Anna", "")],
)
def test_a_number_is_known_by_its_last_digits(phone: str, tail: str) -> None:
    assert tail_of(phone) == tail
