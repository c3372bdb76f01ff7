"""What each package offers stands in its `__init__`, with `__all__`."""

from importlib import import_module
from types import ModuleType

import pytest

PACKAGES = ("analytics", "blocks", "flows", "prefect_support", "receiver", "sandbox", "tasks")


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_lists_what_it_offers_and_nothing_else(name: str) -> None:
    package = import_module(f"flireo_flows.{name}")
    offered = list(package.__all__)
    assert offered == sorted(set(offered))
    public = {
        key
        for key, value in vars(package).items()
        if not key.startswith("_") and not isinstance(value, ModuleType) and is_ours(value)
    }
    assert public == set(offered)


def is_ours(value: object) -> bool:
    """Whether it is made here; a constant has no module and counts as ours."""
    return str(getattr(value, "__module__", "flireo_flows")).startswith("flireo_flows")


def test_a_prebuilt_flow_is_named_after_its_module() -> None:
    flows = import_module("flireo_flows.flows")
    named = {name: getattr(flows, name).name for name in flows.__all__ if hasattr(getattr(flows, name), "fn")}
    assert named == {name: name.replace("_", "-") for name in named}
    assert len(named) == 6
