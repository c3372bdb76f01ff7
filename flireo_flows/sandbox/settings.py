"""The settings of a sandbox and its faults."""

from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from flireo_flows.api.fields import Dialect
from flireo_flows.sandbox.seeded_random import SeededRandom

# The reference's own pattern for a phone number.
E164: Final = r"^\+[1-9][0-9]{1,14}$"

Share = Annotated[float, Field(ge=0, le=1)]


class ErrorForm(StrEnum):
    """The two shapes of an error's body that are documented."""

    NESTED = "nested"  # {"error": {"code": ..., "message": ...}}
    FLAT = "flat"  # {"error": "..."}


class SandboxOutcome(StrEnum):
    """How a call goes."""

    ANSWERED = "answered"
    VOICEMAIL = "voicemail"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    FAILED = "failed"  # the network could not reach the number
    REJECTED = "rejected"  # refused before the phone rang
    TRANSFERRED = "transferred"  # answered, and handed to a person
    ERROR = "error"  # answered, and broken off by the platform


class ReportFate(StrEnum):
    """What becomes of the report of a call that was answered, however the call itself went."""

    NORMAL = "normal"
    SLOW = "slow"  # summary, analysis and report come after `slow_report_seconds`
    NO_ANALYSIS = "no_analysis"  # neither in the report nor in `GET /calls/{id}`
    LOST = "lost"  # never sent; only `GET /calls` shows the call's end
    DUPLICATE = "duplicate"  # sent twice
    OUT_OF_ORDER = "out_of_order"  # the report comes first, then `ended`, then `in-progress`
    BAD_SIGNATURE = "bad_signature"  # signed with another secret than the agent's


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


T = TypeVar("T", bound=StrEnum)
Phone = Annotated[str, Field(pattern=E164)]
Scripted = Annotated[tuple[T, ...], BeforeValidator(_as_list), Field(min_length=1)]


def _with_some_weight(weights: dict[T, float]) -> dict[T, float]:
    if not any(weights.values()):
        raise ValueError("at least one needs a weight above 0")
    return weights


Weights = Annotated[dict[T, Annotated[float, Field(ge=0)]], AfterValidator(_with_some_weight)]


class Switch(BaseModel):
    """When one kind of fault hits: the next so many requests, then a share of them.

    Of the requests that it is for, which ones a share hits follows from the seed and from their number in
    their operation.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    next: int = Field(0, ge=0, description="The next so many requests; counts down.")
    share: Share = Field(0, description="Share of requests, 0 to 1.")
    operations: frozenset[str] = Field(
        frozenset(), description="Only these, by operationId, e.g. list_calls. Empty: every operation."
    )


class BreakingSwitch(Switch):
    """A fault that keeps the answer from the client. Was the request carried out? The client cannot know."""

    carried_out: bool = Field(
        False, description="Carry the request out, then fail: a call is placed, and its answer is lost."
    )


def _switch(kind: type[Switch], description: str) -> Any:
    """A field for a switch that is off."""
    return Field(default_factory=kind, description=description)


class FaultSettings(BaseModel):
    """How often things go wrong. Which request is hit follows from the seed, not from the time."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    too_many: Switch = _switch(Switch, "429 with Retry-After: 1; not carried out, whatever the limit.")
    server_error: BreakingSwitch = _switch(BreakingSwitch, "500 with a JSON body.")
    unavailable: BreakingSwitch = _switch(BreakingSwitch, "503 with a JSON body.")
    html_error: BreakingSwitch = _switch(BreakingSwitch, "504 with the HTML body of a gateway.")
    timeout: BreakingSwitch = _switch(
        BreakingSwitch, "No answer, until the client gives up or after `timeout_fault_seconds`."
    )
    connection_lost: BreakingSwitch = _switch(
        BreakingSwitch, "The connection closes before a byte of the answer."
    )
    unknown_enum: Switch = _switch(Switch, "Statuses, directions, reasons, roles: an undocumented value.")
    extra_fields: Switch = _switch(Switch, "Every object of the answer has a field more.")
    no_room_name: Switch = _switch(Switch, "Answers without `room_name`.")
    no_pagination: Switch = _switch(Switch, "Answers without `pagination`.")
    timeout_fault_seconds: float = Field(
        120,
        gt=0,
        description="Longest wait of a `timeout` fault, in real seconds; then the connection closes.",
    )

    webhook_drop_share: Share = Field(0, description="Share of webhooks that are never sent, 0 to 1.")
    webhook_double_share: Share = Field(0, description="Share of webhooks that are sent twice, 0 to 1.")
    lose_answer_share: Share = Field(
        0, description="Share of outbound calls that are placed, but whose answer never arrives, 0 to 1."
    )
    bad_gateway_share: Share = Field(
        0, description="Share of outbound calls that meet a 502 with an HTML body and are not placed, 0 to 1."
    )


class SandboxSettings(FaultSettings):
    """A local Flireo. The defaults behave like the real one, at its real speed and limits."""

    seed: int = Field(0, description="Outcomes, transcripts, analyses and faults follow from it.")
    dialect: Dialect = Field(Dialect.FLIREO, description="Which generation of the API to be.")
    error_form: ErrorForm | None = Field(
        None, description="Shape of error bodies; by default nested for flireo, flat for hmsovereign."
    )
    api_keys: frozenset[str] = Field(
        frozenset(), description="Keys that are accepted. Empty: any key that is not empty.", repr=False
    )
    revoked_keys: frozenset[str] = Field(
        frozenset(), description="Keys that are refused as revoked.", repr=False
    )

    rate_limit: int = Field(100, ge=0, description="Requests per key and window; 0 for no limit, no headers.")
    rate_window_seconds: float = Field(60, gt=0, description="Length of the window, in real seconds.")

    time_scale: float = Field(
        1.0, gt=0, description="Simulated seconds per real second: 60 plays a minute of a call in a second."
    )
    outcome_weights: Weights[SandboxOutcome] = Field(
        default_factory=lambda: {
            SandboxOutcome.ANSWERED: 0.6,
            SandboxOutcome.VOICEMAIL: 0.15,
            SandboxOutcome.NO_ANSWER: 0.15,
            SandboxOutcome.BUSY: 0.05,
            SandboxOutcome.FAILED: 0.03,
            SandboxOutcome.REJECTED: 0.02,
        },
        description="How often a call goes which way, where no script decides.",
    )
    outcomes: dict[Phone, Scripted[SandboxOutcome]] = Field(
        default_factory=dict,
        description="Script by destination (E.164): one outcome, or one a call, the last of which repeats.",
    )
    report_weights: Weights[ReportFate] = Field(
        default_factory=lambda: {ReportFate.NORMAL: 1.0},
        description="How often a report meets which fate, where no script decides.",
    )
    reports: dict[Phone, Scripted[ReportFate]] = Field(
        default_factory=dict,
        description="Script by the other party's number: the fate of its reports, one, or one a call.",
    )
    tools: dict[Phone, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Script by the other party's number: names of the agent's tools that a call uses, in order. "
        "Without one, each function tool is used once.",
    )
    talk_seconds_min: float = Field(20, ge=1, description="Shortest conversation, in simulated seconds.")
    talk_seconds_max: float = Field(180, ge=1, description="Longest conversation, in simulated seconds.")
    report_delay_seconds: float = Field(
        10, ge=0, description="From the end of a call to its analysis and report, in simulated seconds."
    )
    slow_report_seconds: float = Field(
        240, ge=0, description="The same for a slow report, in simulated seconds."
    )
    recordings: bool = Field(False, description="Give answered calls a recording_url; nothing is there.")

    minutes_balance: float = Field(
        1000, description="Prepaid minutes; at 0 or less, calls are refused (402)."
    )
    webhook_url: str | None = Field(None, description="Where the demo agent sends its webhooks.")
    webhook_secret: str | None = Field(None, description="Signs the demo agent's webhooks.", repr=False)
    echo_metadata: bool = Field(True, description="Send an inline agent's metadata back in its webhooks.")
    plus_in_call_ids: bool = Field(
        False, description="Call ids like call-_+4477..., which the reference shows too and paths must quote."
    )
    empty_deletes: bool = Field(
        False, description='Answer deletes with 204 and nothing, not {"success": true}.'
    )


# The kinds that `breaking` acts out; a request meets the first that hits it.
BREAKING: Final = ("too_many", "server_error", "unavailable", "html_error", "timeout", "connection_lost")
# And the kinds that alter an answer; they add up.
ALTERING: Final = ("unknown_enum", "extra_fields", "no_room_name", "no_pagination")


class Faults(FaultSettings):
    """The faults in force. Counters go before shares, and count down."""

    lose_next_answers: int = Field(0, ge=0, description="Outbound calls to place without answering.")
    bad_gateway_next: int = Field(0, ge=0, description="Outbound calls to answer with a 502, not placed.")

    @property
    def switched_on(self) -> bool:
        """Whether any request can be hit."""
        return any(switch.next or switch.share for switch in map(self.switch, (*BREAKING, *ALTERING)))

    def switch(self, kind: str) -> Switch:
        """The switch of a kind of `BREAKING` or `ALTERING`."""
        switch: Switch = getattr(self, kind)
        return switch

    def operations(self) -> set[str]:
        """Every operation that a switch names."""
        return {name for kind in (*BREAKING, *ALTERING) for name in self.switch(kind).operations}

    def hits(self, kind: str, random: SeededRandom, operation: str, number: int) -> bool:
        """Is this request hit? Counts a `next` down.

        Args:
            kind: Of `BREAKING` or `ALTERING`.
            random: Follows from the seed.
            operation: The operationId.
            number: Which request of this operation it is, from 1.
        """
        switch = self.switch(kind)
        if switch.operations and operation not in switch.operations:
            return False
        if switch.next:
            switch.next -= 1
            return True
        return random.roll(kind, operation, number) < switch.share

    def loses_answer(self, random: SeededRandom, destination: str, ordinal: int) -> bool:
        """Place this call and lose its answer? `ordinal` is which call to this number it is, from 1."""
        if self.lose_next_answers:
            self.lose_next_answers -= 1
            return True
        return random.roll("lose", destination, ordinal) < self.lose_answer_share

    def is_bad_gateway(self, random: SeededRandom, destination: str, request: int) -> bool:
        """Fail before the call is placed? `request` is which request for this number it is, from 1."""
        if self.bad_gateway_next:
            self.bad_gateway_next -= 1
            return True
        return random.roll("gateway", destination, request) < self.bad_gateway_share

    def copies(self, random: SeededRandom, *webhook: object) -> int:
        """How often to send a webhook: 0 when it is dropped, 2 when doubled."""
        if random.roll("drop", *webhook) < self.webhook_drop_share:
            return 0
        return 2 if random.roll("double", *webhook) < self.webhook_double_share else 1
