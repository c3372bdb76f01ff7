"""The record of who was called."""

from pathlib import Path
from typing import ClassVar

import platformdirs
from pydantic import ConfigDict, Field, HttpUrl, SecretStr

from flireo_flows.blocks.flireo_block import FlireoBlock, form_requires, picture


class CallLedger(FlireoBlock):
    """Where every lead, attempt and result is kept; what makes sure no one is called twice."""

    model_config = ConfigDict(json_schema_extra=form_requires("url"))

    _block_type_name: ClassVar[str] = "Flireo Call Ledger"
    _block_type_slug: ClassVar[str] = "flireo-call-ledger"
    _logo_url: ClassVar[HttpUrl | None] = picture("1f4d2")  # a ledger
    _code_example: ClassVar[str] = """
```python
from flireo_flows import CallLedger

ledger = CallLedger.load("BLOCK_NAME")
print(ledger.kind)
```"""

    url: SecretStr = Field(
        default=SecretStr(""),
        title="Database URL",
        description=(
            "sqlite:///FILE, or postgresql://USER:PASSWORD@HOST/DATABASE where several machines share one; "
            "empty means a SQLite file in the user's data directory."
        ),
    )

    def database_url(self) -> str:
        """The URL, or the default's: never the working directory, which a worker throws away."""
        return self.url.get_secret_value().strip() or f"sqlite:///{default_ledger()}"

    @property
    def kind(self) -> str:
        """`sqlite` or `postgresql`; empty where the URL is neither, for then it may be anything."""
        scheme = self.database_url().partition("://")[0].lower().partition("+")[0]
        return {"sqlite": "sqlite", "postgres": "postgresql", "postgresql": "postgresql"}.get(scheme, "")


def default_ledger() -> Path:
    """The SQLite file that is used when no other is given."""
    return platformdirs.user_data_path("flireo-flows", appauthor=False) / "ledger.db"
