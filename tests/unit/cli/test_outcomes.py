"""The table of outcomes from the command line: shown, asked of a campaign, and applied to it. Sends nothing."""

import pytest
import yaml

from flireo_flows.lifecycle.outcomes import default_text
from tests.support.cli.shell import Shell

OWN = """
outcomes:
  - outcome: voicemail
    end_reason: [silence timeout]
    first_words: [voicemail, after the beep]
  - outcome: rejected
    error: [call barred]
"""


def test_the_default_table_is_printed_to_copy_from(bare: Shell) -> None:
    ended = bare.here("outcomes")
    assert (ended.status, ended.out) == (0, default_text())
    bare.write("copied.yaml", ended.out)
    assert bare.here("outcomes", "--policy", "copied.yaml").status == 0


def test_the_table_of_a_policy_has_its_own_rules_first(bare: Shell) -> None:
    bare.write("own.yaml", OWN)
    ran = bare.here("outcomes", "--policy", "own.yaml").out
    own = yaml.safe_load(OWN)["outcomes"]
    assert yaml.safe_load(ran)["outcomes"] == [*own, *yaml.safe_load(default_text())["outcomes"]]
    assert bare.here("outcomes", "--policy", "nl").out == default_text()  # a preset that has none


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("- {outcome: buzy}", ("rule 1: outcome", "answered")),
        (
            "- {outcome: busy}\n- {outcome: busy, min_duration: 3}",
            ("rule 2: min_duration", "no such field", "talked"),
        ),
        ("- {ended_with: [busy]}", ("rule 1: outcome", "required")),
        ("- {outcome: busy, ended_with: busy}", ("rule 1: ended_with", "list")),
        ("- {outcome: busy, first_words: ['-']}", ("rule 1: first_words.0", "a phrase needs")),
        ("- {outcome: busy, min_duration_seconds: 9, max_duration_seconds: 3}", ("rule 1:", "no call lasts")),
        ("- {outcome: busy, analysis: [{kee: a}]}", ("rule 1: analysis.0.", "key")),
        ("busy", ("outcomes:", "list")),
        ("{busy: busy}", ("outcomes:", "list")),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused_by_file_rule_and_field(
    bare: Shell, table: str, words: tuple[str, ...]
) -> None:
    bare.write("bad.yaml", "outcomes:\n" + "\n".join(f"  {line}" for line in table.splitlines()))
    for ended in (bare.here("outcomes", "--policy", "bad.yaml"), bare.run_here("--policy", "bad.yaml")):
        assert ended.status == 1
        for word in ("policy bad.yaml: outcomes", *words):
            assert word in ended.complaint


def test_the_command_explains_itself(bare: Shell) -> None:
    ran = bare.here("outcomes", "--help")
    assert ran.status == 0
    assert "--dry-run" in ran.out and "what a finished call means" in ran.out
