"""A job over the vendor's own campaigns: Flireo calls the leads by itself, within daily hours."""

import random
from collections.abc import Sequence
from typing import ClassVar, Final, Self, TypeAlias, TypeVar

from prefect.blocks.abstract import JobBlock, JobRun
from pydantic import Field, HttpUrl, model_validator

from flireo_flows.api.campaign_lookup import Which
from flireo_flows.api.campaigns import Campaign, CampaignLead, Clock, NewCampaign, NewCampaignLead, check_zone
from flireo_flows.api.procedure import PollTiming, Procedure, run_procedure, run_procedure_async
from flireo_flows.blocks import campaign_decisions as work
from flireo_flows.blocks.campaign_decisions import CampaignResult
from flireo_flows.blocks.campaign_gate import Gate, OnBlocked, gate_of
from flireo_flows.blocks.credentials import FlireoCredentials
from flireo_flows.blocks.flireo_block import FlireoBlock, picture
from flireo_flows.blocks.ledger import CallLedger

T = TypeVar("T")
OnDuplicates: TypeAlias = work.Duplicates | str
A_DAY: Final = 86_400.0  # seconds: a campaign calls in daily hours
POLL_SECONDS: Final = 15.0


class FlireoCampaignRun(JobRun[CampaignResult]):
    """A campaign that was started, by this run or before it. It goes on whatever becomes of us."""

    def __init__(self, credentials: FlireoCredentials, campaign_id: str) -> None:
        self.credentials, self.campaign_id = credentials, campaign_id

    # Prefect's base declares these two as asynchronous; its own packs define them as here, with `a` twins.
    def wait_for_completion(  # type: ignore[override]
        self, timeout_seconds: float = A_DAY, poll_seconds: float = POLL_SECONDS
    ) -> None:
        """Wait until the campaign is completed. Its state is logged when it changes; failed polls decide nothing.

        Args:
            timeout_seconds: For how long, by the wall clock; 0 looks once.
            poll_seconds: First pause between two polls; they grow up to a minute.

        Raises:
            CampaignCancelledError: It was cancelled.
            CampaignNotOverError: The time is up, and it is going on or paused. Wait again whenever you like.
            NotFound: There is no such campaign.
        """
        _run(self, work.wait(self.campaign_id, _patience(timeout_seconds, poll_seconds)))

    async def await_for_completion(
        self, timeout_seconds: float = A_DAY, poll_seconds: float = POLL_SECONDS
    ) -> None:
        """As `wait_for_completion`, for async code."""
        await _arun(self, work.wait(self.campaign_id, _patience(timeout_seconds, poll_seconds)))

    def fetch_result(self) -> CampaignResult:  # type: ignore[override]
        """What became of every lead, as it stands; `is_complete` shows whether that is the end of it."""
        return _run(self, work.result(self.campaign_id))

    async def afetch_result(self) -> CampaignResult:
        """As `fetch_result`, for async code."""
        return await _arun(self, work.result(self.campaign_id))


class FlireoCampaignJob(FlireoBlock, JobBlock[CampaignResult]):
    """A campaign that Flireo runs by itself: people to call, an agent, daily hours."""

    _block_type_name: ClassVar[str] = "Flireo Campaign Job"
    _block_type_slug: ClassVar[str] = "flireo-campaign-job"
    _logo_url: ClassVar[HttpUrl | None] = picture("1f4e3")  # a megaphone
    _code_example: ClassVar[str] = """
```python
from flireo_flows import FlireoCampaignJob
from flireo_flows.api.campaigns import NewCampaignLead

job = FlireoCampaignJob.load("BLOCK_NAME")
job.add_leads([NewCampaignLead(phone_number="+447700900123", variables={"name": "Anna"})], "skip")
run = job.trigger()
run.wait_for_completion()
print(run.fetch_result().counts)
```"""

    credentials: FlireoCredentials = Field(description="The API key of the organization.")
    campaign_id: str = Field(
        default="", title="Campaign id", description="A campaign that exists; empty to name one instead."
    )
    name: str = Field(
        default="",
        title="Name",
        description="Name of the campaign; one of that name is made when leads are added and there is none.",
    )
    agent_id: str = Field(
        default="", title="Agent id", description="The saved agent that speaks; for a named campaign."
    )
    timezone: str = Field(
        default="",
        title="Time zone",
        description="IANA name of the zone of the hours, such as Europe/Amsterdam; for a named campaign.",
    )
    schedule_start_time: Clock = Field(
        default="09:00:00",
        title="First time of day",
        description="No one is called earlier, HH:MM; for a named campaign.",
    )
    schedule_end_time: Clock = Field(
        default="20:00:00",
        title="Last time of day",
        description="No one is called later, HH:MM; for a named campaign.",
    )
    system_message_template: str = Field(
        default="",
        title="Template",
        description="Instructions for the agent, with {{variable}} for what a lead brings; for a new campaign.",
    )
    ledger: CallLedger | None = Field(
        default=None,
        title="Call ledger",
        description=(
            "No lead is added that this ledger denies: suppressed, opted out, forgotten, or being called; "
            "empty asks no ledger."
        ),
    )
    on_blocked: OnBlocked = Field(
        default=OnBlocked.REFUSE,
        title="When the ledger says no",
        description="refuse adds no one; skip adds the others, and logs who was left out.",
    )

    @model_validator(mode="after")
    def _one_campaign(self) -> Self:
        if bool(self.campaign_id) == bool(self.name):
            raise ValueError("give exactly one of campaign_id and name")
        if self.name and not self.agent_id:
            raise ValueError("a campaign that is named needs agent_id")
        if self.name:
            check_zone(self.timezone or "missing")
        if self.schedule_end_time <= self.schedule_start_time:
            raise ValueError(
                "schedule_end_time must be later than schedule_start_time: no one is called at night"
            )
        return self

    def add_leads(
        self, leads: Sequence[NewCampaignLead], duplicates: OnDuplicates = work.Duplicates.REFUSE
    ) -> list[CampaignLead]:
        """Add people to the campaign. One that is scheduled calls them at once, if the hour is right.

        Args:
            leads: The people to call, each with the template's variables.
            duplicates: What to do with a number that is in the campaign already, for Flireo would call it
                twice: `refuse` to add any lead, `skip` those (so that a run may be repeated), or `allow` it.

        Returns:
            Those that were added.

        Raises:
            CampaignRefusedError: A number is there already, or the campaign is over; no one was added. Or the block's
                ledger denies a number: it is asked for all before any lead is added, and of each right
                before their request.
            LedgerError: The block's ledger is not there, or cannot be read.
            OutcomeUnknown: It is unknown whether a lead was added. Add it again later with `skip`.
        """
        return _run(self, work.add_leads(self._which(), leads, work.Duplicates(duplicates), self._gate()))

    async def aadd_leads(
        self, leads: Sequence[NewCampaignLead], duplicates: OnDuplicates = work.Duplicates.REFUSE
    ) -> list[CampaignLead]:
        """As `add_leads`, for async code."""
        added = work.add_leads(self._which(), leads, work.Duplicates(duplicates), self._gate())
        return await _arun(self, added)

    # As in `FlireoCampaignRun`.
    def trigger(  # type: ignore[override]
        self, duplicates: OnDuplicates = work.Duplicates.REFUSE
    ) -> FlireoCampaignRun:
        """Have the campaign call its leads, and return the run to wait for.

        A campaign that is scheduled already, or over, is left as it is: no one is called again.

        Args:
            duplicates: `allow` starts it though a number is in it more than once, and is called as often.

        Raises:
            CampaignRefusedError: There is none, it is empty, it is paused (`resume` it), it holds a number twice, or
                the block's ledger denies a lead that waits in it.
            OutcomeUnknown: It is unknown whether it was started. Trigger again: that reads it first.
        """
        return FlireoCampaignRun(self.credentials, self.start(duplicates).id)

    async def atrigger(self, duplicates: OnDuplicates = work.Duplicates.REFUSE) -> FlireoCampaignRun:
        """As `trigger`, for async code."""
        return FlireoCampaignRun(self.credentials, (await self.astart(duplicates)).id)

    def start(self, duplicates: OnDuplicates = work.Duplicates.REFUSE) -> Campaign:
        """As `trigger`, and return the campaign."""
        return _run(self, work.start(self._which(), work.Duplicates(duplicates), self._gate()))

    async def astart(self, duplicates: OnDuplicates = work.Duplicates.REFUSE) -> Campaign:
        """As `start`, for async code."""
        return await _arun(self, work.start(self._which(), work.Duplicates(duplicates), self._gate()))

    def pause(self) -> Campaign:
        """Stop new calls; running ones go on."""
        return _run(self, work.pause_campaign(self._which()))

    async def apause(self) -> Campaign:
        """As `pause`, for async code."""
        return await _arun(self, work.pause_campaign(self._which()))

    def resume(self, duplicates: OnDuplicates = work.Duplicates.REFUSE) -> Campaign:
        """Let a paused campaign call again.

        Args:
            duplicates: As for `trigger`.

        Raises:
            CampaignRefusedError: It was never started, it is over, it holds a number twice, or the block's ledger
                denies a lead that waits in it.
        """
        return _run(self, work.resume(self._which(), work.Duplicates(duplicates), self._gate()))

    async def aresume(self, duplicates: OnDuplicates = work.Duplicates.REFUSE) -> Campaign:
        """As `resume`, for async code."""
        return await _arun(self, work.resume(self._which(), work.Duplicates(duplicates), self._gate()))

    def _gate(self) -> Gate:
        return gate_of(self.ledger, self.on_blocked)

    def _which(self) -> Which:
        if self.campaign_id:
            return Which(self.campaign_id, None)
        template = self.system_message_template
        new = NewCampaign(
            name=self.name,
            agent_id=self.agent_id,
            schedule_start_time=self.schedule_start_time,
            schedule_end_time=self.schedule_end_time,
            timezone=self.timezone,
            **({"system_message_template": template} if template else {}),
        )
        return Which("", new)


def _patience(timeout_seconds: float, poll_seconds: float) -> PollTiming:
    return PollTiming(timeout_seconds, poll_seconds, random.random())  # noqa: S311 - jitter


def _run(owner: FlireoCampaignRun | FlireoCampaignJob, procedure: Procedure[T]) -> T:
    with owner.credentials.get_client() as client:
        return run_procedure(procedure, client, owner.logger.info)


async def _arun(owner: FlireoCampaignRun | FlireoCampaignJob, procedure: Procedure[T]) -> T:
    async with owner.credentials.get_async_client() as client:
        return await run_procedure_async(procedure, client, owner.logger.info)
