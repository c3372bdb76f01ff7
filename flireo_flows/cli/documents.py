"""Files of settings that people write: YAML or JSON, read with one clear sentence for what is wrong."""

from pathlib import Path
from typing import Any

from flireo_flows.cli.problems import SettingError


def read_document(file: Path, what: str, holds: str) -> dict[str, Any]:
    """The fields of a file; none for an empty one.

    Args:
        file: YAML or JSON.
        what: What kind of file it is, for errors.
        holds: What it must hold, for errors.

    Raises:
        SettingError: It cannot be read; says which, where, and what to do.
    """
    import yaml

    # It reads +447700900001 as text also where it is not quoted: to YAML it is a number.
    resolvers = yaml.SafeLoader.yaml_implicit_resolvers
    kept = {first: kinds for first, kinds in resolvers.items() if first != "+"}
    loader = type("Loader", (yaml.SafeLoader,), {"yaml_implicit_resolvers": kept})
    try:
        read = yaml.load(file.read_text(encoding="utf-8-sig"), loader)  # noqa: S506 - a safe one
    except OSError as error:
        raise SettingError(f"{what} {file}: {error.strerror}. Check the path.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = f", line {line + 1}" if line is not None else ""
        raise SettingError(f"{what} {file}{where}: this is not readable as YAML or JSON") from None
    if read is None:
        return {}
    if not isinstance(read, dict):
        raise SettingError(f"{what} {file}: it must hold {holds}")
    return read
