"""A script in a file, for the command line: the first problem is reported by its place."""

from pathlib import Path

import pytest

from flireo_flows.cli.settings import script
from flireo_flows.cli.user_errors import SettingError
from flireo_flows.script import Script

WRITTEN = """
first_message: "Hi {{ name }}!"
variants:
  - {name: a, share: 70}
  - name: b
    share: 30
    agent_config:
      llm_config: {provider: openai_live, model: gpt-live}
numbers:
  - {number_id: n1, country: nl}
"""


def test_a_script_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "script.yaml").write_text(WRITTEN)
    read = script(tmp_path / "script.yaml")
    assert read.first_message == "Hi {{ name }}!"
    assert [variant.name for variant in read.variants] == ["a", "b"]
    assert read.numbers[0].country == "NL"
    (tmp_path / "script.json").write_text(read.model_dump_json())
    assert script(tmp_path / "script.json") == read
    assert script(None) == Script()


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("greeting: Hi", "greeting: there is no such field. Fields are agent_config, first_message"),
        (
            "variants: [{name: a, shre: 1}]",
            "variants.0.shre: there is no such field. Fields are agent_config, agent_id",
        ),
        ("first_message: 'Hi {{ name'", "first_message: the template, line 1: unexpected end of template"),
        ("numbers: [{number_id: +31201234501}]", "numbers.0.number_id: give the id of the number in Flireo"),
        ("[]", "it must hold fields"),
    ],
)
def test_the_first_problem_of_a_file_is_reported_by_its_place(
    tmp_path: Path, written: str, words: str
) -> None:
    (tmp_path / "script.yaml").write_text(written)
    with pytest.raises(SettingError) as refused:
        script(tmp_path / "script.yaml")
    assert str(refused.value).startswith("script ")
    assert words in str(refused.value)
    assert "1234501" not in str(refused.value)
