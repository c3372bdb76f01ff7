"""What people see in the Prefect UI, rendered by a real browser."""

import os
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest
from pydantic import SecretStr

from flireo_flows import CallLedger, FlireoCredentials
from tests.support.flows.deployment import deploy_all, run_python
from tests.support.flows.stage import patiently

PROJECT = Path(__file__).parents[3]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(
        not CHROMIUM and not os.environ.get("CI"), reason="there is no Chromium on this machine"
    ),
]
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-proxy-server",
    "--disable-background-networking",
    "--no-first-run",
    "--virtual-time-budget=20000",
    "--window-size=1400,2600",
)


def browse(url: str, folder: Path, *how: str) -> str:
    """What Chromium prints of a page."""
    assert CHROMIUM, "CI installs chromium"
    profile = folder / "profile"
    done = subprocess.run(
        [CHROMIUM, *QUIET, f"--user-data-dir={profile}", *how, url],
        capture_output=True,
        timeout=240,
        check=False,
    )
    return done.stdout.decode(errors="replace")


def text_of(url: str, folder: Path) -> str:
    """The words of a page once its script has run."""
    dom = browse(url, folder, "--dump-dom")
    body = re.sub(r"<(script|style).*?</\1>", " ", dom, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def shows(url: str, folder: Path, *words: str) -> str:
    """The text of a page, when it shows all of `words`; a slow machine may need to look again."""
    seen = [""]

    def look() -> bool:
        seen[0] = text_of(url, folder)
        return all(word in seen[0] for word in words)

    try:
        patiently(look, 150)
    except AssertionError:
        missing = [word for word in words if word not in seen[0]]
        raise AssertionError(f"{missing} not on {url}: {seen[0][:3000]}") from None
    return seen[0]


@pytest.fixture
def deployment(at_prefect: str, tmp_path: Path) -> str:
    """The id of the deployment of prefect.yaml, on the session's server, with blocks to pick."""
    run_python(tmp_path, at_prefect, "-m", "prefect", "block", "register", "-m", "flireo_flows")
    FlireoCredentials(api_key=SecretStr("k")).save("flireo", overwrite=True)
    CallLedger().save("ledger", overwrite=True)
    return deploy_all(tmp_path / "mine", at_prefect)["outbound-campaign"]


def test_the_catalogue_shows_our_blocks_and_the_run_form_what_to_fill_in(
    at_prefect: str, deployment: str, tmp_path: Path
) -> None:
    ui = at_prefect.removesuffix("/api")
    shows(
        f"{ui}/v2/blocks/catalog",
        tmp_path,
        "Flireo Agent",
        "Flireo Call Ledger",
        "Flireo Campaign Job",
        "Flireo Credentials",
        "Flireo Phone Number",
        "Flireo Webhook",
    )

    form = f"{ui}/v2/deployments/deployment/{deployment}/run"
    words = shows(
        form,
        tmp_path,
        "CSV or Excel file, one person a row.",
        "the same name resumes and calls no one twice.",
        "When, how often and how fast people may be called.",
        "Calling hours",
        "Calls at once",
        "Default country",
    )
    assert "Can't connect" not in words
    picture = Path(os.environ.get("TEST_PICTURES", str(tmp_path))) / "run-form.png"
    browse(form, tmp_path, f"--screenshot={picture}")
    assert picture.read_bytes().startswith(b"\x89PNG")
