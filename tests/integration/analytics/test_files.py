"""A file is whole or untouched, whatever the disk does."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flireo_flows.analytics.results import export_results
from tests.support.analytics.people import campaign

# Exports 200 leads to argv[1]; the disk has room for a part of that.
EXPORT = """
import sys, resource
from pathlib import Path
from tests.support.analytics.people import campaign
from flireo_flows.analytics.results import export_results
if "--limited" in sys.argv:
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
try:
    export_results(campaign(200), Path(sys.argv[1]))
except Exception as error:
    print(type(error).__name__, error)
"""


def export_elsewhere(directory: Path, *arguments: str, before: str = "") -> str:
    """Export in a process of its own, whose limits are its own."""
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", EXPORT, str(directory), *arguments]
    if before:
        command = [
            "unshare",
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            f'{before}; "$@"',
            "sh",
            *command,
        ]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True, timeout=120)
    return done.stdout


def may_mount() -> bool:
    if not shutil.which("unshare"):
        return False
    attempt = "mount -t tmpfs none /mnt"
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", attempt]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_file_that_may_not_grow_leaves_the_earlier_export_whole(tmp_path: Path) -> None:
    earlier = export_results(campaign(3), tmp_path)
    contents = {path: path.read_bytes() for path in tmp_path.iterdir()}
    said = export_elsewhere(tmp_path, "--limited")
    assert said == (
        f"ExportError Could not write {earlier.csv}: it grew over the allowed size; "
        "raise the limit (ulimit -f) and export again.\n"
    )
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == contents


@pytest.mark.skipif(
    not os.environ.get("CI") and not may_mount(), reason="needs user namespaces to mount a small disk"
)
def test_a_full_disk_leaves_the_earlier_export_whole(tmp_path: Path) -> None:
    seen, disk = tmp_path / "seen", tmp_path / "disk"
    disk.mkdir()
    seen.mkdir()
    mount = f"mount -t tmpfs -o size=16k none '{disk}'; echo earlier > '{disk}/results.csv'"
    # The small disk is gone with the process, so what is on it is copied out before.
    said = export_elsewhere(disk, before=f"{mount}; trap \"cp -a '{disk}/.' '{seen}'\" EXIT")
    assert said == (
        f"ExportError Could not write {disk / 'results.csv'}: the disk is full; "
        "free some space there and export again.\n"
    )
    assert {path.name: path.read_text() for path in seen.iterdir()} == {"results.csv": "earlier\n"}


def test_the_room_can_be_entered_without_pandas() -> None:
    code = "import sys, flireo_flows.analytics; sys.exit('pandas' in sys.modules or 'jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
