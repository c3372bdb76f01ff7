"""`run` asks before it calls people: a terminal is asked, a script must say --yes, the sandbox is never asked about."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.support.cli.confirmation import LIVE, NOWHERE, USUAL, asked
from tests.support.cli.far_away import Talk, at_terminal, certificate, encrypted
from tests.support.cli.shell import PEOPLE, Shell
from tests.support.sandbox.running import RunningSandbox


def placed(sandbox: RunningSandbox) -> int:
    return sum(count for (route, _), count in sandbox.requests().items() if route == "POST /calls/outbound")


@pytest.fixture
def live(shell: Shell, sandbox: RunningSandbox) -> Iterator[Shell]:
    """A shell whose key and address may be real, for all that it can know."""
    file = certificate(shell.folder)
    with encrypted(urlsplit(sandbox.url).port or 0, file) as url:
        shell.env |= {"FLIREO_API_KEY": LIVE, "FLIREO_BASE_URL": url, "SSL_CERT_FILE": str(file)}
        yield shell


def gets_past_the_question(bare: Shell, *more: str, **env: str) -> bool:
    """Whether it goes on to the Prefect server, which is not there."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
        ended = bare.here(*USUAL, *more, **env)
    assert ended.status == 1, ended.err
    assert "This run may call" not in ended.err
    return "the Prefect API at" in ended.complaint


@pytest.mark.parametrize("key", ["fl_test_x", "fl_test_0a1b"])
@pytest.mark.parametrize("url", ["", NOWHERE, "http://127.0.0.1:1/api/v1"])
def test_a_test_key_is_never_asked_about(bare: Shell, key: str, url: str) -> None:
    assert gets_past_the_question(bare, FLIREO_API_KEY=key, FLIREO_BASE_URL=url)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/api/v1",
        "http://localhost:1/api/v1",
        "http://[::1]:1/api/v1",
        "http://127.5.5.5:1/api/v1",
        "https://localhost:1/api/v1",
    ],
)
def test_a_server_of_this_machine_is_never_asked_about(bare: Shell, url: str) -> None:
    assert gets_past_the_question(bare, FLIREO_API_KEY=LIVE, FLIREO_BASE_URL=url)


def test_yes_skips_the_question(bare: Shell) -> None:
    assert gets_past_the_question(bare, "--yes", FLIREO_API_KEY=LIVE, FLIREO_BASE_URL=NOWHERE)


def test_with_a_saved_plan_it_counts_whom_the_plan_names(bare: Shell) -> None:
    bare.write("no.txt", "+442079460001\n")
    planned = bare.here("plan", *USUAL[1:], "--do-not-call", "no.txt", "--save", "plan.json")
    assert planned.status == 0, planned.err
    assert "may call 2 people" in asked(bare, "--do-not-call", "no.txt", "--plan", "plan.json").err
    bare.write_leads({**PEOPLE, "+442079460009": "Dora"})
    ended = bare.here(*USUAL, "--plan", "plan.json", FLIREO_API_KEY=LIVE, FLIREO_BASE_URL=NOWHERE)
    assert ended.status == 1 and "this is not what was planned" in ended.complaint


@pytest.mark.parametrize("answer", [b"n\n", b"\n", b"no\n", b"yess\n", b"j\n", b" \n", b"\x04", b"3\n", None])
def test_any_other_answer_than_yes_calls_no_one(bare: Shell, answer: bytes | None) -> None:
    bare.env |= {"FLIREO_API_KEY": LIVE, "FLIREO_BASE_URL": NOWHERE}
    talk = at_terminal(bare, answer, *USUAL)
    assert "Call them? [y/N]" in talk.text
    if answer is not None:
        assert talk.status == 3 and "No one was called." in talk.text
    assert talk.status != 0 and "Traceback" not in talk.text
    assert not (bare.folder / "ledger.db").exists()


def test_ctrl_c_calls_no_one(bare: Shell) -> None:
    bare.env |= {"FLIREO_API_KEY": LIVE, "FLIREO_BASE_URL": NOWHERE}
    talk = at_terminal(bare, b"\x03", *USUAL)
    assert talk.status == 130 and "Traceback" not in talk.text
    assert not (bare.folder / "ledger.db").exists()


@pytest.mark.slow
@pytest.mark.parametrize("answer", [b"YES\n"])
def test_yes_calls_them_and_a_finished_campaign_is_not_asked_about(
    live: Shell, sandbox: RunningSandbox, answer: bytes
) -> None:
    def talk(answer: bytes | None) -> Talk:
        return at_terminal(live, answer, *USUAL)

    assert talk(b"n\n").status == 3
    assert sandbox.requests() == {}
    agreed = talk(answer)
    assert agreed.status == 0, agreed.text
    assert placed(sandbox) == len(PEOPLE)
    again = live(*USUAL)
    assert again.status == 0 and "may call" not in again.err, again.err
    assert placed(sandbox) == len(PEOPLE)


@pytest.mark.slow
def test_a_limit_is_how_many_people_one_run_calls(live: Shell, sandbox: RunningSandbox) -> None:
    assert live(*USUAL, "--limit", "2").status == 2
    assert sandbox.requests() == {}
    first = live(*USUAL, "--limit", "2", "--yes")
    assert first.status == 3, first.err
    assert placed(sandbox) == 2
    assert "2 calls per run is used up" in first.out
    second = live(*USUAL, "--limit", "2", "--yes")
    assert second.status == 0, second.err
    assert placed(sandbox) == 3
    assert {call["destination"] for call in sandbox.placed_calls()} == set(PEOPLE)
