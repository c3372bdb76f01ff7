"""What proves that a webhook comes from Flireo, and the agent settings that make it send them."""

from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, HttpUrl, SecretStr, field_validator

from flireo_flows.api.agent_config import AgentSettings
from flireo_flows.api.webhooks import EventType, verify
from flireo_flows.blocks.flireo_block import FlireoBlock, form_requires, picture


class FlireoWebhook(FlireoBlock):
    """The secret that signs Flireo's webhooks, where they are received, and which events are sent there."""

    model_config = ConfigDict(json_schema_extra=form_requires("secret"))

    _block_type_name: ClassVar[str] = "Flireo Webhook"
    _block_type_slug: ClassVar[str] = "flireo-webhook"
    _logo_url: ClassVar[HttpUrl | None] = picture("1fa9d")  # a hook
    _code_example: ClassVar[str] = """
```python
from flireo_flows import FlireoWebhook, FlireoCredentials
from flireo_flows.tasks import update_agent

webhook = FlireoWebhook.load("BLOCK_NAME")
# The agent's calls are reported there, signed with the secret, from now on.
update_agent(FlireoCredentials.load("flireo"), "demo-agent", webhook.agent_settings())
```"""

    secret: SecretStr = Field(description="Secret that signs the webhooks now: the agent's webhook_secret.")
    previous_secret: SecretStr = Field(
        default=SecretStr(""),
        title="Previous secret",
        description="The one before, believed too while agents are moved to the new one; empty for none.",
    )
    url: str = Field(
        default="",
        title="Public URL",
        description="Where Flireo sends the webhooks, such as https://example.com/webhooks/flireo.",
    )
    events: list[EventType] = Field(
        default=[EventType.STATUS_UPDATE, EventType.END_OF_CALL_REPORT],
        description="Events that are sent there.",
    )

    @field_validator("secret")
    @classmethod
    def _is_a_secret(cls, secret: SecretStr) -> SecretStr:
        if not secret.get_secret_value().strip():
            raise ValueError("the secret is empty, and anyone can sign with an empty one")
        return secret

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        parts = urlsplit(url.strip())
        if url.strip() and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("the URL must look like https://example.com/webhooks/flireo")
        return url.strip()

    @property
    def secrets(self) -> tuple[str, ...]:
        """All secrets that are valid now, the current one first."""
        both = (self.secret.get_secret_value(), self.previous_secret.get_secret_value())
        return tuple(secret for secret in both if secret)

    def verify(self, body: bytes, headers: Mapping[str, str], now: float) -> None:
        """Raise unless a valid secret signed these bytes in the last five minutes.

        Args:
            body: The raw bytes as received.
            headers: Of the request; names in any case.
            now: Unix seconds.

        Raises:
            SignatureError: With the reason. Answer 401 and read no further.
        """
        verify(body, headers, self.secrets, now)

    def agent_settings(self) -> AgentSettings:
        """What makes an agent send its events here, for `update_agent` and `create_agent`."""
        where = {"webhook_url": self.url} if self.url else {}
        events = tuple(event.value for event in self.events)
        return AgentSettings(**where, webhook_secret=self.secret, webhook_events=events)
