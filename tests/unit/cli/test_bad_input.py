"""Whatever is wrong is told in one line: what, where, and what to do. No one is called for it."""

import pytest

from flireo_flows.cli.sandbox import read_state
from tests.support.cli.shell import Shell


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(None, ("There is no such file", "Check the name"), id="missing"),
        pytest.param(b"", ("The file is empty", "Export it again"), id="empty"),
        pytest.param(b"\n\n \n", ("only blank lines", "Export it again"), id="blank"),
        pytest.param(b"name,phone\n", ("no rows below the header",), id="only a header"),
        pytest.param(b"\x00\x01\x02\x00\x03" * 50, ("binary", "CSV"), id="binary"),
        pytest.param(b"%PDF-1.7\n", ("a PDF", "Export the table as CSV"), id="a PDF"),
        pytest.param(b"name,city\nAnna,Leeds\n", ("phone", "name", "city"), id="no phone column"),
        pytest.param(b"name,phone\n\x81\x8d\x8f,+442079460001\n", ("encoding",), id="unknown encoding"),
    ],
)
def test_a_file_that_holds_no_leads_is_told_by_name(
    bare: Shell, content: bytes | None, words: tuple[str, ...]
) -> None:
    if content is not None:
        bare.write("bad.csv", content)
    ended = bare.run_here(leads="bad.csv")
    assert ended.status == 1
    for word in ("bad.csv", *words):
        assert word in ended.complaint


def test_a_file_that_cannot_be_read_and_a_folder_are_told_apart(bare: Shell) -> None:
    (bare.folder / "sealed.csv").symlink_to("/proc/self/mem")  # unreadable for anyone, root too
    (bare.folder / "folder.csv").mkdir()
    assert "cannot be read" in bare.run_here(leads="sealed.csv").complaint
    assert "This is a folder" in bare.run_here(leads="folder.csv").complaint
    assert "There is no such file" in bare.run_here("--do-not-call", "no.txt").complaint


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        pytest.param("max_attemps: 2", ("max_attemps", "no such field", "max_attempts"), id="unknown key"),
        pytest.param(
            "calling_hours: {begin: '09:00'}",
            ("calling_hours.begin", "no such field", "start"),
            id="inner key",
        ),
        pytest.param(
            "calling_hours: {start: '20:00', end: '09:00'}",
            ("calling_hours", "never open", "start must be before end"),
            id="impossible window",
        ),
        pytest.param("calling_hours: {weekdays: []}", ("calling_hours.weekdays",), id="no weekday"),
        pytest.param("max_attempts: many", ("max_attempts", "integer"), id="no number"),
        pytest.param("max_attempts: 0", ("max_attempts", "greater than or equal to 1"), id="none"),
        pytest.param("a: [1", ("line 1", "not readable as YAML"), id="no YAML"),
        pytest.param("calling_hours: {start: 9}", ("calling_hours.start", '"09:00"'), id="an hour"),
        pytest.param("calling_hours: {end: 20.5}", ("calling_hours.end", '"09:00"'), id="half hours"),
        pytest.param(
            "calling_hours: {breaks: [{start: 12, end: 13}]}",
            ("calling_hours.breaks.0.start", '"09:00"'),
            id="hours of a break",
        ),
        pytest.param(
            "calling_hours: {other_days: [{weekdays: [sat], start: 10}]}",
            ("calling_hours.other_days.0.start", '"09:00"'),
            id="hours of other days",
        ),
        pytest.param(
            "holidays: {closed_dates: [2026-11-31]}",
            ("holidays.closed_dates", "YYYY-MM-DD"),
            id="a date that does not exist",
        ),
        pytest.param(
            "dial_before: 2026-02-30T18:00+01:00",
            ("dial_before", "a moment is written"),
            id="nor this moment",
        ),
        pytest.param("a: " + "[" * 5000, ("nested too deeply",), id="lists without end"),
        pytest.param("max_attempts: " + "1" * 5000, ("not readable",), id="a figure without end"),
        pytest.param("- 1", ("must hold fields", "max_attempts"), id="a list"),
        pytest.param(None, ("No such file", "Check the path"), id="missing"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused_by_field(
    bare: Shell, policy: str | None, words: tuple[str, ...]
) -> None:
    if policy is not None:
        bare.write("bad.yaml", policy)
    ended = bare.run_here("--policy", "bad.yaml")
    assert ended.status == 1
    for word in ("policy bad.yaml", *words):
        assert word in ended.complaint


@pytest.mark.parametrize("clock", ["9:00", "09:00", "'9:00'", '"09:00"'])
def test_a_policy_may_write_its_times_as_people_do(bare: Shell, clock: str) -> None:
    bare.write("hours.yaml", f"calling_hours:\n  start: {clock}\n  end: 20:30\n  weekdays: [mon, tue, 3]\n")
    ended = bare.run_here("--policy", "hours.yaml")
    assert "FLIREO_API_KEY is not set" in ended.complaint  # so the policy was taken


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(("run", "leads.csv", "--agent-id", "a"), "--campaign", id="no campaign"),
        pytest.param(("run", "--campaign", "c", "--agent-id", "a"), "leads", id="no leads"),
        pytest.param(
            ("run", "leads.csv", "--campaign", " ", "--agent-id", "a"), "1 to 80 characters", id="blank name"
        ),
        pytest.param(
            ("run", "leads.csv", "--campaign", "c", "--agent-id", "a", "--deadline", "-1"),
            "--deadline",
            id="negative deadline",
        ),
        pytest.param(
            ("run", "leads.csv", "--campaign", "c", "--agent-id", "a", "--api-key", "k"),
            "--api-key",
            id="a key",
        ),
        pytest.param(("rnu",), "rnu", id="unknown command"),
        pytest.param(("status",), "--campaign", id="status of nothing"),
    ],
)
def test_wrong_usage_ends_with_status_2(bare: Shell, arguments: tuple[str, ...], words: str) -> None:
    ended = bare.here(*arguments)
    assert ended.status == 2
    assert words.lower() in (ended.out + ended.err).lower()
    assert "Traceback" not in ended.err


def test_settings_that_are_missing_or_wrong_are_told_by_name_and_never_by_value(bare: Shell) -> None:
    assert "FLIREO_API_KEY is not set" in bare.run_here().complaint
    secret = "fl_live_not to be seen"
    ran = bare.run_here(FLIREO_API_KEY=secret).complaint
    assert "FLIREO_API_KEY" in ran and "characters that no key has" in ran
    assert secret not in ran
    ran = bare.run_here(FLIREO_API_KEY="k", FLIREO_BASE_URL="api.flireo.com").complaint
    assert "FLIREO_BASE_URL" in ran and "https://" in ran
    assert "flireo or hmsovereign" in bare.run_here(FLIREO_API_KEY="k", FLIREO_DIALECT="dutch").complaint
    assert "--default-region" in bare.run_here("--default-region", "XX").complaint
    bare.write("file", "")
    assert "--out file/results" in bare.run_here("--out", "file/results").complaint
    demo = bare.here("demo", "--out", "file")
    assert demo.status == 1 and "--out file: the folder cannot be made" in demo.complaint


@pytest.mark.parametrize("command", ["status", "collect", "outcomes", "pause"])
def test_what_is_no_text_is_refused(bare: Shell, command: str) -> None:
    ran = bare.here(command, "--campaign", "\udcff")
    assert "--campaign: it contains bytes that are not UTF-8 text" in ran.err
    assert ran.status == 2


def test_of_several_secrets_what_signs_itself_takes_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    for listed, first in ((" whsec_now  whsec_before ", "whsec_now"), ("whsec_now", "whsec_now")):
        monkeypatch.setenv("FLIREO_WEBHOOK_SECRET", listed)
        assert read_state(None, {}).settings.webhook_secret == first
    monkeypatch.setenv("FLIREO_WEBHOOK_SECRET", " ")
    assert read_state(None, {}).settings.webhook_secret is None
