"""The wheel, installed into an empty environment: the project a user owns is in it, and runs from there."""

import os
import shutil
import site
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
SHIPPED = (
    "flireo_flows",
    "flows",
    "blocks",
    "automations",
    "prefect.yaml",
    "pyproject.toml",
    "README.md",
    "LICENSE",
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: nothing is left in the checkout."""
    source = tmp_path_factory.mktemp("source")
    for name in SHIPPED:
        origin = PROJECT / name
        if origin.is_dir():
            shutil.copytree(origin, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(origin, source / name)
    run(
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        "dist",
        str(source),
        cwd=source,
    )
    (built,) = (source / "dist").glob("*.whl")
    return built


def run(*words: str, cwd: Path, **env: str) -> str:
    """Run a command that must succeed."""
    done = subprocess.run(
        words, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_carries_the_template_and_one_import_name(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for name in (
        "flireo_flows/py.typed",
        "flireo_flows/flows/outbound_campaign.py",
        "flireo_flows/template/prefect.yaml",
        "flireo_flows/template/flows/outbound_campaign.py",
        "flireo_flows/template/flows/collect_reports.py",
        "flireo_flows/template/flows/export_results.py",
        "flireo_flows/template/flows/leads.csv",
        "flireo_flows/template/flows/do_not_call.txt",
        "flireo_flows/template/blocks/save_credentials.py",
        "flireo_flows/template/automations/export_when_finished.yaml",
    ):
        assert name in names
    assert [name for name in names if "report" in name and name.endswith((".html", ".jinja", ".j2", ".css"))]
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"flireo_flows"}
    assert not [name for name in names if "__pycache__" in name or name.endswith((".db", ".pyc"))]
    (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
    reported = zipfile.ZipFile(wheel).read(entry_points).decode()
    assert "prefect.collections" in reported and "flireo-flows = flireo_flows.cli:main" in reported
    # Every file of the package is in it, and nothing but.
    ours = {
        str(file.relative_to(PROJECT))
        for file in (PROJECT / "flireo_flows").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    shipped = {name for name in names if name.startswith("flireo_flows/") and "/template/" not in name}
    assert shipped >= ours


def test_a_project_of_ones_own_begins_with_the_installed_wheel(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "env"
    venv.create(home, with_pip=True, symlinks=True)
    python = str(home / "bin" / "python")
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel), cwd=tmp_path)
    # Its dependencies are borrowed from here, behind its own packages; ours are not: that is an editable install.
    (packages,) = (home / "lib").glob("python*/site-packages")
    borrowed = tmp_path / "borrowed"
    borrowed.mkdir()
    for place in map(Path, site.getsitepackages()):
        for entry in place.iterdir():
            if (
                "flireo" not in entry.name.lower()
                and not (borrowed / entry.name).exists()
                and entry.suffix != ".pth"
            ):
                (borrowed / entry.name).symlink_to(entry)
    (packages / "borrowed.pth").write_text(f"{borrowed}\n")

    where = run(python, "-c", "import flireo_flows; print(flireo_flows.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(packages)
    written = run(str(home / "bin" / "flireo-flows"), "init", "mine", cwd=tmp_path)
    assert "mine/prefect.yaml" in written and "Next: cd mine" in written
    code = """
from prefect.flows import load_flow_from_entrypoint
flow = load_flow_from_entrypoint("flows/outbound_campaign.py:outbound_campaign")
print(flow.name, *flow.parameters.properties)
"""
    reported = run(python, "-P", "-c", code, cwd=tmp_path / "mine")
    assert reported.startswith("outbound-campaign leads campaign credentials ledger agent_id")
