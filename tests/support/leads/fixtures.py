"""Files for tests. Numbers are kept for fiction where a regulator keeps any: Ofcom's drama numbers and the
Bundesnetzagentur's. Dutch ones begin with a 1 behind the area code, which no subscriber number there does.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

WriteFile = Callable[..., Path]


@pytest.fixture
def file(tmp_path: Path) -> WriteFile:
    """Write a file and give its path: `file("name,phone\\n...", "leads.csv")`."""

    def write(content: str | bytes, name: str = "leads.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write
