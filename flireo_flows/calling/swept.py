"""One campaign in a sweep: who hears for it, whether its calls are in this account, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from flireo_flows.calling.call_list import CallList
from flireo_flows.calling.collector import Collector
from flireo_flows.calling.preflight import is_of_account
from flireo_flows.calling.telling import tell_end
from flireo_flows.ledger import AttemptBook, Database, Inbox, Runner
from flireo_flows.ledger.campaigns import CampaignControl, skip_waiting_in
from flireo_flows.ledger.open_results import OpenResults, has_open, open_results_of
from flireo_flows.ledger.report_matches import PORTION
from flireo_flows.ledger.run_rules import RunRules, fingerprint, read_rules
from flireo_flows.lifecycle.states import CampaignState

ANOTHER_ACCOUNT: Final = (
    "it rang under another API key, whose list of calls alone can tell: only webhooks were heard. Collect it with "
    "that key, or run it once with this one"
)
UNREADABLE_RULES: Final = (
    "its results wait: the rules cannot be read by which a call tells that somebody is not to be rung again. Collect "
    "it with the version of flireo-flows that ran it"
)


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep came to for one campaign.

    Attributes:
        before: Open attempts at the beginning.
        after: Those that are still open.
        by_webhook: Attempts that ended by what webhooks had brought.
        by_list: Attempts that ended by what was read.
        for_review: Leads that a person has to look at, in all.
        problem: Why nothing was read of it, in words; empty where it was.
        rules: Which of its rules could not be read, so that those of the default policy counted; empty for none.
    """

    campaign: str
    before: int
    after: int
    by_webhook: int = 0
    by_list: int = 0
    for_review: int = 0
    problem: str = ""
    rules: str = ""


@dataclass(slots=True)
class Case:
    """One campaign in a sweep's hands.

    Attributes:
        is_ours: Whether its calls are known to be in this account.
        problem: Why nothing could be read of it lately.
        may_read: Whether its calls may be read at all.
    """

    database: Database
    runner: Runner
    collector: Collector
    rules: RunRules
    before: OpenResults
    is_ours: bool
    problem: str = ""
    may_read: bool = True
    by_webhook: int = 0

    @classmethod
    async def take(cls, database: Database, campaign: str, calls: CallList) -> Self | None:
        """Become the runner of a campaign; None while another one is alive.

        Args:
            database: The ledger.
            campaign: Its name.
            calls: The list of calls, that all campaigns share.
        """
        runner = Runner(database, campaign)
        if not await runner.join_alone():
            return None
        before = await open_results_of(database, campaign)
        await AttemptBook(database, campaign, runner.id).orphaned()
        rules = await read_rules(database, campaign)
        collector = Collector(calls.client, database, campaign, rules.policy, rules.readiness)
        collector.calls = calls
        case = cls(
            database,
            runner,
            collector,
            rules,
            before,
            rules.account == fingerprint(calls.client.account, database),
        )
        if not rules.teaches:
            await case.give_up(UNREADABLE_RULES)
        return case

    @property
    def campaign(self) -> str:
        """Its name."""
        return self.runner.campaign

    async def is_open(self) -> bool:
        """Whether the result of some attempt is not in."""
        return await has_open(self.database, self.campaign)

    async def hear(self) -> None:
        """Write down all that webhooks brought, whichever account's they are."""
        if not self.rules.teaches:
            return  # it waits in the inbox
        expects = self.collector.readiness.expects
        while True:
            inbox = Inbox(self.database)
            applied, ended = await inbox.apply(self.campaign, self.rules.policy, expects)
            self.by_webhook += ended
            if applied < PORTION:
                return

    async def prove(self) -> None:
        """Find out whether its calls are in this account. If nothing shows it, nothing is read.

        Raises:
            FlireoError: Nobody could tell.
        """
        client = self.collector.client
        self.is_ours = await is_of_account(self.database, client, self.campaign, self.rules)
        if not self.is_ours:
            await self.give_up(ANOTHER_ACCOUNT)

    async def give_up(self, problem: str) -> None:
        """Leave its calls to others, who need not wait for this sweep's end; webhooks are heard on.

        Args:
            problem: Why.
        """
        self.may_read, self.problem = False, problem
        await self.runner.leave()

    async def conclude(self) -> Swept:
        """Settle what is over, tell what is finished, and say how it stands."""
        standing = await CampaignControl(self.database, self.campaign).standing()
        if standing.state is CampaignState.CANCELLED:
            async with self.database.write(self.campaign) as db:
                await skip_waiting_in(db, self.campaign)
        await tell_end(self.database, self.campaign, self.rules.policy, None, self.runner.id)
        after = await open_results_of(self.database, self.campaign)
        return Swept(
            self.campaign,
            self.before.open,
            after.open,
            self.by_webhook,
            max(0, after.ended - self.before.ended - self.by_webhook),
            after.review,
            self.problem,
            self.rules.problem,
        )

    async def leave(self, sent: Mapping[tuple[str, str], int]) -> None:
        """Give it up, whatever was done.

        Args:
            sent: Requests to count for it, by route and status.
        """
        await self.runner.renew(sent)
        await self.runner.leave()
