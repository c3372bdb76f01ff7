"""A run is recorded where Prefect's settings name an API; Prefect is not imported where nothing names one."""

import subprocess
import sys
from pathlib import Path

import pytest

URL = "http://127.0.0.1:1/api"  # no server is there
LOOK = """
import sys
from flireo_flows.cli.settings import prefect_api
from flireo_flows.cli.user_errors import SettingError
try:
    print(repr(prefect_api()), "prefect" in sys.modules)
except SettingError as refused:
    print(refused)
"""


def look(folder: Path, **env: str) -> str:
    """What is found in a folder that is the working directory and, in `home`, Prefect's home."""
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "PREFECT_HOME": str(folder / "home"), **env}
    command = [sys.executable, "-c", LOOK]
    ended = subprocess.run(
        command, cwd=folder, env=clean, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("home/profiles.toml", f'active = "mine"\n[profiles.mine]\nPREFECT_API_URL = "{URL}"\n'),
        (".env", f"PREFECT_API_URL={URL}\n"),
        ("prefect.toml", f'[api]\nurl = "{URL}"\n'),
        ("pyproject.toml", f'[tool.prefect.api]\nurl = "{URL}"\n'),
    ],
)
def test_a_file_of_settings_names_it(tmp_path: Path, file: str, content: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    assert f"the Prefect API at {URL} cannot be used" in look(tmp_path)


def test_a_variable_names_it(tmp_path: Path) -> None:
    assert f"the Prefect API at {URL} cannot be used" in look(tmp_path, PREFECT_API_URL=URL)


def test_a_profile_of_another_file_names_it(tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(f'active = "a"\n[profiles.a]\n[profiles.b]\nPREFECT_API_URL = "{URL}"\n')
    env = {"PREFECT_PROFILES_PATH": str(other), "PREFECT_PROFILE": "b"}
    assert f"the Prefect API at {URL} cannot be used" in look(tmp_path, **env)


@pytest.mark.parametrize("file", ["leads.csv", "pyproject.toml", ".env"])
def test_files_that_name_none_are_none(tmp_path: Path, file: str) -> None:
    (tmp_path / file).write_text("")
    found, imported = look(tmp_path).split()
    assert (found, imported) == ("''", str(file != "leads.csv"))
