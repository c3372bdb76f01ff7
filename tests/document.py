"""The contract, as data."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml


@cache
def openapi() -> dict[str, Any]:
    """`openapi.yaml`, read once a process: that takes half a second. Whoever changes it takes a copy."""
    fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: dict[str, Any] = yaml.load((Path(__file__).with_name("openapi.yaml")).read_bytes(), Loader=fast)
    return document
