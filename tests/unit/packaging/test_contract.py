"""The contract: docs/contract.md has every section that is cited, and says the same as tests/support/openapi.yaml."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import yaml

PROJECT: Final = Path(__file__).parents[3]
CONTRACT: Final = (PROJECT / "docs" / "contract.md").read_text(encoding="utf-8")
PLACES: Final = ("flireo_flows", "flows", "blocks", "automations", "benchmarks", "docs", "tests")
KINDS: Final = {".py", ".md", ".yaml", ".j2"}
ITSELF: Final = {"docs/contract.md", "tests/support/openapi.yaml", "tests/unit/packaging/test_contract.py"}

NUMBER: Final = r"\d+(?:\.\d+)?"
# Pages link the number: "contract section [9.2](contract.md#section-9.2)".
CITED: Final = re.compile(
    rf"\bcontract sections? \[?(?P<first>{NUMBER})(?P<more>(?:(?:, | and | to ){NUMBER})*)",
    re.IGNORECASE,
)
ANY_SECTION: Final = re.compile(rf"(?P<of>[\w,.]+) \(?sections? \(?\[?{NUMBER}", re.IGNORECASE)
LINK: Final = re.compile(r"contract\.md#(?P<anchor>[\w.-]+)")
OTHER_DOCUMENTS: Final = {"UWG", "6.6.1", "9110", "159C"}  # laws and RFCs


def headings() -> list[str]:
    """The numbers of the contract's sections, in order."""
    return re.findall(rf"^#{{2,3}} ({NUMBER})\.? ", CONTRACT, re.MULTILINE)


def texts() -> Iterator[tuple[str, str]]:
    """Each file that may cite the contract, as one line, so that no citation is broken in two."""
    single = [PROJECT / "README.md", PROJECT / "CHANGELOG.md", PROJECT / "CONTRIBUTING.md"]
    for file in (*single, *(file for place in PLACES for file in sorted((PROJECT / place).rglob("*")))):
        name = file.relative_to(PROJECT).as_posix()
        if file.suffix in KINDS and name not in ITSELF and file.exists():
            text = re.sub(r"\n\s*#(?!#) ?", "\n", file.read_text(encoding="utf-8"))  # a comment of two lines
            yield name, " ".join(text.split())


def cited(text: str) -> Iterator[str]:
    for match in CITED.finditer(text):
        yield match["first"]
        yield from re.findall(NUMBER, match["more"])


def test_each_section_of_the_contract_has_one_number_and_an_anchor_of_it() -> None:
    numbers = headings()
    assert len(numbers) == len(set(numbers))
    assert {str(number) for number in range(27)} <= set(numbers)
    for number in numbers:
        assert re.search(
            rf'^<a id="section-{re.escape(number)}"></a>\n\n#+ {re.escape(number)}', CONTRACT, re.MULTILINE
        )


def test_every_section_that_is_cited_exists() -> None:
    found = [(name, number) for name, text in texts() for number in cited(text)]
    assert len(found) > 150
    assert [(name, number) for name, number in found if number not in headings()] == []


def test_every_link_to_the_contract_leads_to_a_section() -> None:
    anchors = {f"section-{number}" for number in headings()}
    pages = [(name, text) for name, text in texts() if name.endswith(".md")]
    links = [(name, match["anchor"]) for name, text in pages for match in LINK.finditer(text)]
    assert len(links) > 50
    assert [(name, anchor) for name, anchor in links if anchor not in anchors] == []


def test_the_contract_is_cited_in_one_form() -> None:
    """As "contract section 9.2": otherwise the tests above would not see it."""
    others = [
        f"{name}: {match[0]}"
        for name, text in texts()
        for match in ANY_SECTION.finditer(text)
        if match["of"].lower() != "contract" and match["of"] not in OTHER_DOCUMENTS
    ]
    assert others == []


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Source: contract section 9.2.", ["9.2"]),
        ("Source: contract section 5, row 9.", ["5"]),
        ("Contract sections 4, 9.1 and 17.2 say", ["4", "9.1", "17.2"]),
        ("(contract sections 18.4 to 18.7).", ["18.4", "18.7"]),
        ("contract section [12](contract.md#section-12)", ["12"]),
        ("contract section 99", ["99"]),
    ],
)
def test_a_citation_is_read(text: str, numbers: list[str]) -> None:
    assert list(cited(text)) == numbers


INDEXED: Final = re.compile(
    r"^\| (?P<row>\d+) \| `(?P<name>\w+)` \| (?P<method>[A-Z]+) `(?P<path>[^`]+)`", re.MULTILINE
)
LATER_ROWS: Final = range(55, 70)  # of the operations that only the later server has


def test_both_forms_of_the_contract_have_the_same_operations() -> None:
    document = yaml.safe_load((PROJECT / "tests" / "support" / "openapi.yaml").read_bytes())
    written = {
        (one["operationId"], method.upper(), path, one.get("x-since") == "hmsovereign")
        for path, methods in document["paths"].items()
        for method, one in methods.items()
    }
    indexed = {
        (one["name"], one["method"], one["path"], int(one["row"]) in LATER_ROWS)
        for one in INDEXED.finditer(CONTRACT)
    }
    assert written == indexed
    assert len(written) == 65
    assert len(document["webhooks"]) == len(re.findall(r"^\| \d+ \| webhook `", CONTRACT, re.MULTILINE)) == 4
