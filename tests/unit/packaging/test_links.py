"""Every link of a page leads somewhere, and every path of ours that a page names is there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

PROJECT: Final = Path(__file__).parents[3]
PAGES: Final = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md")])
LINK: Final = re.compile(r"\]\((?P<file>[^)#\s]*)(?:#(?P<anchor>[^)\s]+))?\)")
PATH: Final = re.compile(
    r"`(?P<path>(?:flireo_flows|tests|flows|blocks|automations|benchmarks|docs)/[\w./-]+)`"
)
CODE: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> Iterator[str]:
    """The anchors of a page: those that it gives itself, and those of its headings."""
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    yield from re.findall(r'<a id="([^"]+)">', text)
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        words = re.sub(r"[^\w\- ]", "", heading.strip().lower())
        yield words.replace(" ", "-")


def broken(page: Path) -> Iterator[str]:
    """Links of a page to files or anchors that are not there."""
    for link in LINK.finditer(CODE.sub("", page.read_text(encoding="utf-8"))):
        if link["file"].startswith(("http://", "https://", "mailto:")):
            continue
        target = (page.parent / link["file"]) if link["file"] else page
        if not target.exists() or (link["anchor"] and link["anchor"] not in anchors(target)):
            yield link[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(broken(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_path_that_a_page_names_is_there(page: Path) -> None:
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    assert [found["path"] for found in PATH.finditer(text) if not (PROJECT / found["path"]).exists()] == []


def test_a_link_that_leads_nowhere_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        '# A heading, here\n\n<a id="one"></a>\n[a](#a-heading-here) [b](#one) [c](#two) [d](gone.md)'
    )
    assert list(broken(page)) == ["](#two)", "](gone.md)"]
