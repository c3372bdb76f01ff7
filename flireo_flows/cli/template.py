"""`flireo-flows init`: the project a user owns (flows, block scripts, deployments), written into a folder."""

import shutil
from pathlib import Path
from typing import Final

from flireo_flows.cli.user_errors import SettingError

PARTS: Final = ("flows", "blocks", "automations", "prefect.yaml")


def template() -> Path:
    """Where the template lies: beside the package in a wheel, the checkout itself in a checkout."""
    package = Path(__file__).parent.parent
    wheel = package / "template"
    return wheel if wheel.is_dir() else package.parent


def init(directory: Path) -> int:
    """Write a project of your own: flows to edit, block scripts, deployments and sample leads.

    Parameters
    ----------
    directory
        Folder to write into; made if it is not there. Files that are there are never overwritten.
    """
    from flireo_flows.cli.run import check_local

    check_local("init", directory)
    source = template()
    files = [file for part in PARTS for file in _files(source / part)]
    taken = [file for file in files if (directory / file.relative_to(source)).exists()]
    if taken:
        raise SettingError(
            f"{directory} holds {taken[0].relative_to(source)} already; choose another folder, or move it away"
        )
    for file in files:
        target = directory / file.relative_to(source)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        except OSError as error:
            raise SettingError(f"{target} cannot be written: {error.strerror}") from None
        print(target)
    print(f"\nNext: cd {directory}, set FLIREO_API_KEY, then python blocks/save_credentials.py")
    return 0


def _files(part: Path) -> list[Path]:
    if part.is_file():
        return [part]
    return sorted(file for file in part.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
