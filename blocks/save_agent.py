"""Save the block document flireo-agent/agent from FLIREO_AGENT_ID, or from FLIREO_AGENT_CONFIG.

FLIREO_AGENT_CONFIG is the JSON of an agent that is made for each call; then flireo-webhook/webhook, if it was
saved, is where its calls are reported.
"""

import json
import os

from flireo_flows.blocks import FlireoAgent, FlireoWebhook


def saved_webhook() -> FlireoWebhook | None:
    """The document of save_webhook.py; None if there is none."""
    try:
        return FlireoWebhook.load("webhook")  # type: ignore[return-value] # Prefect declares its async form too
    except ValueError:
        return None


if __name__ == "__main__":
    FlireoAgent.register_type_and_schema()
    config = json.loads(os.environ.get("FLIREO_AGENT_CONFIG") or "{}")
    FlireoAgent(
        agent_id=os.environ.get("FLIREO_AGENT_ID", ""),
        first_message=os.environ.get("FLIREO_AGENT_GREETING", ""),
        config=config,
        webhook=saved_webhook() if config else None,
    ).save("agent", overwrite=True)
    print("saved flireo-agent/agent")
