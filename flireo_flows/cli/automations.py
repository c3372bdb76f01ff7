"""`flireo-flows automations`: make the automations of files at the Prefect server."""

from pathlib import Path
from typing import Final

from flireo_flows.cli.user_errors import SettingError

FOLDER: Final = Path("automations")


def automations(*paths: Path, notify: str = "") -> int:
    """Make the automations of files, or of all files of a folder, at the Prefect server of PREFECT_API_URL.

    One whose name is there already is replaced, so this may be done again. Files are in Prefect's own format, with
    deployments and blocks by their names. Deployments must be there first: prefect deploy --all.

    Parameters
    ----------
    paths
        YAML or JSON files, or folders of them; by default the folder automations.
    notify
        Block to notify in place of the one that a file names, TYPE/NAME, such as slack-webhook/team.
    """
    from prefect.settings import PREFECT_API_URL

    from flireo_flows.cli import DONE, FAILED, say
    from flireo_flows.cli.settings import check_prefect
    from flireo_flows.prefect_support.automations import AutomationError, automation_files, make_automation

    if not (api := PREFECT_API_URL.value()):
        raise SettingError(
            "PREFECT_API_URL is not set, so there is no Prefect server to make automations at. Set it, for example "
            "to http://127.0.0.1:4200/api."
        )
    status, files = DONE, automation_files(paths or (FOLDER,))
    check_prefect(str(api))
    for file in files:
        try:
            name, is_new = make_automation(file, notify)
        except AutomationError as error:  # the others are made all the same
            say(str(error))
            status = FAILED
        else:
            print(f"{'made' if is_new else 'replaced'}: {name}")
    return status
