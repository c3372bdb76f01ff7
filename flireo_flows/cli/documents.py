"""Files of settings that people write: YAML or JSON, read with one clear sentence for what is wrong."""

from pathlib import Path
from typing import Any, Final

from flireo_flows.cli.user_errors import SettingError

_TEXT: Final = "tag:yaml.org,2002:str"
_MOMENT: Final = "tag:yaml.org,2002:timestamp"
_FIGURES: Final = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})


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

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
        """YAML 1.1, but for what people mean as text and it takes for a figure or a moment."""

        def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
            tag = super().resolve(kind, value, implicit)
            return _TEXT if _is_meant_as_text(tag, value) else tag

    try:
        read = yaml.load(file.read_text(encoding="utf-8-sig"), Loader)  # noqa: S506 - a safe one
    except OSError as error:
        raise SettingError(f"{what} {file}: {error.strerror}. Check the path.") from None
    except RecursionError:
        raise SettingError(f"{what} {file}: its lists or fields are nested too deeply") from None
    # ValueError: not UTF-8, or a figure of thousands of digits.
    except (yaml.YAMLError, ValueError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = f", line {line + 1}" if line is not None else ""
        raise SettingError(f"{what} {file}{where}: this is not readable as YAML or JSON") from None
    if read is None:
        return {}
    if not isinstance(read, dict):
        raise SettingError(f"{what} {file}: it must hold {holds}")
    return read


def _is_meant_as_text(tag: str, value: Any) -> bool:
    """Whether what stands there without quotation marks is text to whoever wrote it.

    To YAML 1.1, `9:00` is 540, `+447700900001` a figure, and `2026-11-31` a date that fails to exist. Whoever
    reads the field knows what belongs there, and says so by the field's name.
    """
    if tag == _MOMENT:
        return True
    return tag in _FIGURES and (value.startswith("+") or ":" in value)
