"""docs/receiver.md: its Python runs, its metrics and codes are those that there are."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from flireo_flows.api.webhooks import SignatureProblem
from tests.support.calling.incoming import webhook
from tests.support.receiver.relay import post, served, signed

TEXT = (Path(__file__).parents[3] / "docs" / "receiver.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What all blocks, one after the other, define."""
    monkeypatch.chdir(tmp_path)
    defined: dict[str, Any] = {}
    for block in BLOCKS:
        exec(compile(block, "receiver.md", "exec"), defined)
    return defined


def test_the_tools_and_the_app_of_the_documentation_answer(names: dict[str, Any]) -> None:
    assert set(names["receiver"].tool_schemas()) == {"lookup_contact", "book_visit", "send_offer"}
    calls = [
        {"id": "1", "function": {"name": "lookup_contact", "arguments": {"query": "Jan"}}},
        {"id": "2", "function": {"name": "book_visit", "arguments": {"day": "2026-02-01"}}},
        {"id": "3", "function": {"name": "book_visit", "arguments": {"day": "2026-02-02"}}},
    ]
    body = webhook("tool-calls", toolCallList=calls)
    with served(names["app"]) as url:
        answer = post(url, body, signed("whsec_now", body)).json()["results"]
        metrics = httpx.get(f"{url}/metrics", trust_env=False).text
    assert [one["result"] for one in answer] == [
        [{"name": "Jan", "customer_since": "2020-01-01"}],
        {"error": "No one works on Sundays."},
        "booked for 2026-02-02 under 3",
    ]
    reported = set(re.findall(r"^# TYPE (flireo_\w+)", metrics, re.MULTILINE))
    documented = set(re.findall(r"^\| `(flireo_\w+)`", TEXT, re.MULTILINE))
    assert documented == {name for name in reported if not name.endswith("_created")}


def test_an_inbound_call_is_answered_as_documented(names: dict[str, Any]) -> None:
    body = webhook("assistant-request", call_type="inboundPhoneCall", status="ringing")
    for receiver in ("greeting", "deciding"):
        with served(names[receiver].app) as url:
            assert post(url, body, signed("whsec_now", body)).json() == {}


def test_every_code_of_an_answer_is_documented() -> None:
    folder = Path(__file__).parents[3] / "flireo_flows" / "receiver"
    source = "".join(file.read_text(encoding="utf-8") for file in folder.glob("*.py"))
    used = set(re.findall(r'RequestRefusedError\(\s*\d+, f?"(\w+)', source))
    documented = set(re.findall(r"^\| \d+ \| `(\w+?)(?:\.\.\.)?` \|", TEXT, re.MULTILINE))
    assert used == documented
    assert len(SignatureProblem) == 6  # missing, malformed, stale; missing, wrong; and no secret
