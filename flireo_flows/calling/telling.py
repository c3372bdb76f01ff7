"""What a run tells of its campaign as a whole, when it ends."""

from flireo_flows.api.errors import InsufficientCredits
from flireo_flows.calling.preflight import LowBalance
from flireo_flows.ledger import Database
from flireo_flows.ledger.completeness import check_completeness
from flireo_flows.ledger.milestones import post_credits_low, post_finished
from flireo_flows.policy import CallingPolicy


async def tell_end(
    database: Database, campaign: str, policy: CallingPolicy, stopped_by: Exception | None, run: str
) -> None:
    """Tell what is so: credits are low, results are missing, the campaign is finished. Each once.

    Args:
        database: The ledger.
        campaign: Its name.
        policy: Its rules.
        stopped_by: What stopped the run; None for nothing.
        run: Id of the run.
    """
    if isinstance(stopped_by, LowBalance | InsufficientCredits):
        await post_credits_low(database, campaign, run, str(stopped_by))
    await check_completeness(database, campaign, policy)
    await post_finished(database, campaign)
