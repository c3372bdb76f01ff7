"""Hand the leads of a campaign to a campaign of Flireo's own, follow it, and fill the same ledger.

    words = Words.of(caller, script)
    problems = refusals(policy, words)  # at plan time: what Flireo's campaign cannot honour
    ran = await HandOver(database, account, campaign, batch, words, policy).run(Until.FINISHED)

Whoever pauses or cancels such a campaign outside a run says so to Flireo too: `tell`. So does whoever suppresses
somebody: `spare`.
"""

from flireo_flows.calling.handover.engine import HandOver, NotTold, obey, tell
from flireo_flows.calling.handover.refusing import notices, refusal_of_row, refusals
from flireo_flows.calling.handover.safety import dialled_before, handed_over_before
from flireo_flows.calling.handover.sparing import Spared, spare
from flireo_flows.calling.handover.window import CannotHandOver, Window, common_window, window_of
from flireo_flows.calling.handover.words import Words

__all__ = [
    "CannotHandOver",
    "HandOver",
    "NotTold",
    "Spared",
    "Window",
    "Words",
    "common_window",
    "dialled_before",
    "handed_over_before",
    "notices",
    "obey",
    "refusal_of_row",
    "refusals",
    "spare",
    "tell",
    "window_of",
]
