"""Who we are at Flireo, and where Flireo answers."""

from typing import Annotated, ClassVar

from prefect.blocks.abstract import CredentialsBlock
from pydantic import Field, HttpUrl, SecretStr, field_validator

from flireo_flows.api.client import Account, AsyncFlireoClient, FlireoClient, Timeouts
from flireo_flows.api.fields import Dialect
from flireo_flows.api.network import check_base_url
from flireo_flows.blocks.flireo_block import FlireoBlock, picture


class FlireoCredentials(FlireoBlock, CredentialsBlock):
    """The API key of a Flireo organization, and where to reach Flireo."""

    _block_type_name: ClassVar[str] = "Flireo Credentials"
    _block_type_slug: ClassVar[str] = "flireo-credentials"
    _logo_url: ClassVar[HttpUrl | None] = picture("1f511")  # a key
    _code_example: ClassVar[str] = """
```python
from flireo_flows import FlireoCredentials
from flireo_flows.api.agents import list_agents

credentials = FlireoCredentials.load("BLOCK_NAME")
with credentials.get_client() as client:
    agents = client.send(list_agents())
```"""

    api_key: SecretStr = Field(
        description="API key, made in the Flireo dashboard under Settings > API Keys.", title="API key"
    )
    base_url: str = Field(
        default="",
        title="Base URL",
        description="Where the API answers; empty means the vendor's own address for the dialect.",
    )
    dialect: Dialect = Field(
        default=Dialect.FLIREO, description="Names the server expects: flireo, or the later hmsovereign."
    )
    webhook_secret: SecretStr = Field(
        default=SecretStr(""), title="Webhook secret", description="Secret that signs the webhooks, if any."
    )
    connect_timeout_seconds: Annotated[float, Field(gt=0)] = Field(
        default=5.0, title="Connect timeout (s)", description="Seconds to wait for a connection."
    )
    read_timeout_seconds: Annotated[float, Field(gt=0)] = Field(
        default=30.0,
        title="Read timeout (s)",
        description="Seconds to wait for an answer to a request that places no call.",
    )
    ring_timeout_seconds: Annotated[float, Field(gt=0)] = Field(
        default=120.0,
        title="Ring timeout (s)",
        description="Seconds to wait for the answer to a call; calls have been placed 20 s after the request.",
    )

    @field_validator("api_key")
    @classmethod
    def _is_a_key(cls, key: SecretStr) -> SecretStr:
        """A key goes into a header: no line break, no space, no letter outside ASCII."""
        text = key.get_secret_value().strip()
        if not text:
            raise ValueError("the API key is empty")
        if not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError("the API key holds characters that no key has; copy it again from the dashboard")
        return SecretStr(text)

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        return check_base_url(url)

    def account(self) -> Account:
        """Where to send to, and with which key."""
        timeouts = Timeouts(
            self.connect_timeout_seconds, self.read_timeout_seconds, self.ring_timeout_seconds
        )
        return Account(self.api_key.get_secret_value(), self.base_url, self.dialect, timeouts)

    def get_client(self) -> FlireoClient:
        """A client for ordinary code; close it, or use it in `with`."""
        return FlireoClient(self.account())

    def get_async_client(self) -> AsyncFlireoClient:
        """A client for async code; close it, or use it in `async with`."""
        return AsyncFlireoClient(self.account())
