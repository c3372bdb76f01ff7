"""Policies to begin with, one dated file a country. Examples to edit; none of them is legal advice."""

from importlib.resources import files

import yaml

from flireo_flows.policy.calling_policy import CallingPolicy


def preset_names() -> tuple[str, ...]:
    """The names that `preset` takes."""
    names = (file.name for file in files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def preset_text(name: str) -> str:
    """A preset's file, with the comments that say of when it is and on what it rests.

    Raises:
        ValueError: There is no such preset.
    """
    if name not in preset_names():
        raise ValueError(f"there is no preset {name}; there are {', '.join(preset_names())}")
    return files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")


def preset(name: str) -> CallingPolicy:
    """A country's preset as a policy.

    Raises:
        ValueError: There is no such preset.
    """
    return CallingPolicy.model_validate(yaml.safe_load(preset_text(name)))
