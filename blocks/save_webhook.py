"""Save the block document flireo-webhook/webhook from FLIREO_WEBHOOK_SECRET and FLIREO_WEBHOOK_URL.

To change the secret, set FLIREO_WEBHOOK_PREVIOUS_SECRET to the old one and run it again: both are believed until
the agents have the new one.
"""

import os

from flireo_flows.blocks import FlireoWebhook

if __name__ == "__main__":
    FlireoWebhook.register_type_and_schema()
    FlireoWebhook(
        secret=os.environ["FLIREO_WEBHOOK_SECRET"],
        previous_secret=os.environ.get("FLIREO_WEBHOOK_PREVIOUS_SECRET", ""),
        url=os.environ.get("FLIREO_WEBHOOK_URL", ""),
    ).save("webhook", overwrite=True)
    print("saved flireo-webhook/webhook")
