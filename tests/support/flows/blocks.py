"""The kinds of blocks, and a configuration to save in one."""

import pytest
from prefect.blocks.core import Block

from flireo_flows import (
    CallLedger,
    FlireoAgent,
    FlireoCampaignJob,
    FlireoCredentials,
    FlireoPhoneNumber,
    FlireoWebhook,
)

BLOCKS: tuple[type[Block], ...] = (
    CallLedger,
    FlireoAgent,
    FlireoCampaignJob,
    FlireoCredentials,
    FlireoPhoneNumber,
    FlireoWebhook,
)
EVERY_BLOCK = pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.__name__)
REALTIME = {
    "llm_config": {"provider": "xai_realtime", "messages": [{"role": "system", "content": "Be kind."}]}
}
