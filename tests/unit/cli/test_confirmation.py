"""`run` asks before it calls people: a terminal is asked, a script must say --yes, the sandbox is never asked about."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.support.cli.confirmation import LIVE, NOWHERE, USUAL, asked
from tests.support.cli.far_away import certificate, encrypted
from tests.support.cli.shell import Shell
from tests.support.sandbox.running import RunningSandbox


@pytest.fixture
def live(shell: Shell, sandbox: RunningSandbox) -> Iterator[Shell]:
    """A shell whose key and address may be real, for all that it can know."""
    file = certificate(shell.folder)
    with encrypted(urlsplit(sandbox.url).port or 0, file) as url:
        shell.env |= {"FLIREO_API_KEY": LIVE, "FLIREO_BASE_URL": url, "SSL_CERT_FILE": str(file)}
        yield shell


@pytest.mark.parametrize(
    "key", [LIVE, "fl_live_", "fl_0a1b2c3d", "fl_test", "FL_TEST_x", "test_fl_test_x", "sandbox-key", "k"]
)
def test_without_a_terminal_a_key_that_may_be_live_needs_yes(bare: Shell, key: str) -> None:
    ended = bare.here(*USUAL, FLIREO_API_KEY=key, FLIREO_BASE_URL=NOWHERE)
    assert ended.status == 2
    kind = (
        "a live key (fl_live_...)"
        if key.startswith("fl_live_")
        else "not plainly a test key, so it counts as live"
    )
    assert "This run may call 3 people with " in ended.err and f"{kind}." in ended.err
    assert "a number that Flireo picks" in ended.err
    assert "there is no terminal to ask at" in ended.err and "--yes" in ended.err
    assert len(key) <= 8 or key not in ended.out + ended.err
    assert not (bare.folder / "ledger.db").exists()


def test_the_question_names_people_numbers_and_cost(bare: Shell) -> None:
    reported = asked(bare, "--number-id", "num-7").err
    assert "From: num-7." in reported
    assert "The policy has no tariff, so the amount is not known." in reported
    bare.write(
        "policy.yaml",
        "assumed_call_seconds: 60\ntariff: {per_minute: 0.5, per_call: 0.1}\n",
    )
    assert "Cost: 0.30 to 1.80 EUR by the policy's tariff." in asked(bare).err
    limited = asked(bare, "--limit", "1").err
    assert "may call 3 people" in limited and "Now: at most 1 of them (--limit)." in limited
    assert "Cost: 0.10 to 0.60 EUR" in limited
    bare.write("script.yaml", "numbers: [{number_id: num-1}, {number_id: num-2}]\n")
    bare.write_leads({f"+4420794601{n:02d}": "X" for n in range(40)})
    reported = asked(bare, "--script", "script.yaml").err
    assert "may call 40 people" in reported and "From: num-1, num-2." in reported
    bare.write("no.txt", "+442079460100\n")
    assert "may call 39 people" in asked(bare, "--do-not-call", "no.txt").err


@pytest.mark.parametrize("limit", ["0", "-1", "many", "0.5", ""])
def test_a_limit_that_is_no_number_of_people_is_wrong_usage(bare: Shell, limit: str) -> None:
    ended = bare.here(*USUAL, f"--limit={limit}", FLIREO_API_KEY="fl_test_x")
    assert ended.status == 2 and "limit" in (ended.out + ended.err).lower()
