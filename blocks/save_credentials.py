"""Save the block document flireo-credentials/flireo from FLIREO_API_KEY and its like.

Run it again after a key was changed; deployments pick the new one up with their next run.
"""

import os

from flireo_flows.blocks import FlireoCredentials

if __name__ == "__main__":
    FlireoCredentials.register_type_and_schema()
    FlireoCredentials(
        api_key=os.environ["FLIREO_API_KEY"],
        base_url=os.environ.get("FLIREO_BASE_URL", ""),
        dialect=os.environ.get("FLIREO_DIALECT") or "flireo",
        webhook_secret=os.environ.get("FLIREO_WEBHOOK_SECRET", ""),
    ).save("flireo", overwrite=True)
    print("saved flireo-credentials/flireo")
