"""automations/: each file is an automation that Prefect takes, and what cannot be made is told in a sentence."""

from pathlib import Path

import pytest
import yaml

from flireo_flows.lifecycle.states import LedgerEvent
from flireo_flows.prefect_support.automations import AutomationError, automation_files, make_automation
from flireo_flows.prefect_support.events import CALLS_ENDED

PROJECT = Path(__file__).parents[3]
FILES = sorted((PROJECT / "automations").glob("*.yaml"))
DEPLOYMENTS = {
    f"{it['entrypoint'].rpartition(':')[2].replace('_', '-')}/{it['name']}"
    for it in yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"]
}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_names_events_that_are_sent_and_deployments_that_there_are(file: Path) -> None:
    document = yaml.safe_load(file.read_text())
    assert set(document["trigger"]["expect"]) <= {*map(str, LedgerEvent), CALLS_ENDED}
    assert {it["deployment"] for it in document["actions"] if "deployment" in it} <= DEPLOYMENTS


def test_files_that_are_not_there_or_no_yaml_are_named(tmp_path: Path) -> None:
    with pytest.raises(AutomationError, match="there is no such file or folder of automations"):
        automation_files([tmp_path / "none"])
    with pytest.raises(AutomationError, match="there is no such file or folder of automations"):
        automation_files([tmp_path])
    bad = tmp_path / "bad.yaml"
    bad.write_text("a: [")
    with pytest.raises(AutomationError, match="it is not YAML"):
        make_automation(bad)
