"""Who speaks on the phone: an agent that is saved in Flireo, or one that is made for a call."""

from typing import Any, ClassVar, Self

from pydantic import ConfigDict, Field, HttpUrl, ValidationError, field_validator, model_validator

from flireo_flows.api.agent_config import InlineAgent
from flireo_flows.api.calls import OutboundCall
from flireo_flows.api.model import problems_in
from flireo_flows.api.redaction import secrets_in
from flireo_flows.blocks.flireo_block import FlireoBlock, form_requires, picture
from flireo_flows.blocks.number import FlireoPhoneNumber
from flireo_flows.blocks.webhook import FlireoWebhook


class FlireoAgent(FlireoBlock):
    """Who speaks on the phone: an agent that is saved in Flireo, or one that is made for each call."""

    model_config = ConfigDict(json_schema_extra=form_requires("agent_id"))

    _block_type_name: ClassVar[str] = "Flireo Agent"
    _block_type_slug: ClassVar[str] = "flireo-agent"
    _logo_url: ClassVar[HttpUrl | None] = picture("1f5e3")  # a speaking head
    _code_example: ClassVar[str] = """
```python
from flireo_flows import FlireoAgent, FlireoCredentials
from flireo_flows.tasks import create_outbound_call

agent = FlireoAgent.load("BLOCK_NAME")
placed = create_outbound_call(FlireoCredentials.load("flireo"), agent.call("+447700900123"))
print(placed.status)
```"""

    agent_id: str = Field(
        default="",
        title="Agent id",
        description="Id of a saved agent; empty for one that is made for each call.",
    )
    first_message: str = Field(
        default="", title="Greeting", description="Greeting instead of the saved agent's; empty for its own."
    )
    config: dict[str, Any] = Field(
        default_factory=dict,
        title="Configuration",
        description=(
            "An agent that is made for each call, by the API's names: llm_config, stt_config, tts_config, "
            "first_message and so on. No secrets: they belong into the webhook block."
        ),
    )
    webhook: FlireoWebhook | None = Field(
        default=None, description="Where the calls of an agent that is made for each call are reported."
    )

    @field_validator("config")
    @classmethod
    def _is_an_agent(cls, config: dict[str, Any]) -> dict[str, Any]:
        """Refuse what no call could be made with; a form shows it in clear, so no secret either."""
        if secret := next(secrets_in(config), None):
            raise ValueError(
                f"{secret}: a secret does not belong here; use a Flireo Webhook block, or a saved agent"
            )
        if config:
            try:
                InlineAgent.model_validate(config)
            except ValidationError as error:
                raise ValueError(_problems(error)) from None
        return config

    @model_validator(mode="after")
    def _one_agent(self) -> Self:
        if bool(self.agent_id) == bool(self.config):
            raise ValueError("give exactly one of agent_id and config")
        if self.config and self.first_message:
            raise ValueError("first_message is for a saved agent; put the greeting into config")
        if self.agent_id and self.webhook is not None:
            raise ValueError("a saved agent has its webhook in Flireo; see FlireoWebhook.agent_settings")
        return self

    def inline(self) -> InlineAgent | None:
        """The agent that is made for each call, with its webhook; None if it is a saved one."""
        if not self.config:
            return None
        settings = self.webhook.agent_settings() if self.webhook else None
        fields = {name: getattr(settings, name) for name in settings.model_fields_set} if settings else {}
        return InlineAgent.model_validate({**self.config, **fields})

    def call(self, destination: str, number: FlireoPhoneNumber | None = None) -> OutboundCall:
        """A call with this agent, for `create_outbound_call`. No one is called yet.

        Args:
            destination: The number to call, E.164.
            number: The number to call from; none lets Flireo pick one.

        Raises:
            ValidationError: The destination is not E.164.
        """
        fields: dict[str, Any] = {"destination": destination}
        if number is not None:
            fields["number_id"] = number.number_id
        if self.first_message:
            fields["first_message"] = self.first_message
        inline = self.inline()
        return OutboundCall(**fields, **({"agent_config": inline} if inline else {"agent_id": self.agent_id}))


def _problems(error: ValidationError) -> str:
    """What pydantic found wrong, by field, without what was given."""
    return "; ".join(f"{where}: {what}" for where, what in problems_in(error))
