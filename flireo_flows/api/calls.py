"""Calls: ring somebody, and read what became of it. Contract section 9."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Self

from pydantic import AliasChoices, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from flireo_flows.api.dialect import Dialect
from flireo_flows.api.fields import Id, PhoneText
from flireo_flows.api.model import ApiModel, Json, JsonObject, unwrap
from flireo_flows.api.operation import Effect, Sends, operation
from flireo_flows.api.times import iso

LARGEST_PAGE: Final = 1000  # contract section 4

# Terminal statuses (contract section 9.4). The set is open: an unknown one is over only if it has an end.
OVER: Final = frozenset(
    {"ended", "failed", "ended-with-error", "rejected", "transferred", "insufficient-credits"}
)


class Message(ApiModel):
    """One turn of a transcript."""

    role: str = ""
    content: str = ""


class Call(ApiModel):
    """What Flireo knows of a call. It carries nothing of ours: no metadata, no reference."""

    id: str
    status: str = ""  # open on purpose: the vendor has added values since
    caller_phone: str | None = None
    assistant_phone: str | None = Field(
        default=None, validation_alias=AliasChoices("assistant_phone", "agent_phone")
    )
    direction: str | None = None
    end_reason: str | None = None
    error: str | None = None
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    duration_seconds: int | None = None
    summary: str | None = None
    analysis_result: JsonObject | None = None
    messages: tuple[Message, ...] | None = None
    recording_url: str | None = None
    agent_id: str | None = None
    number_id: str | None = None
    phone_number: str | None = None
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None

    @model_validator(mode="before")
    @classmethod
    def _forgive_analysis(cls, data: Any) -> Any:
        """The analysis comes from a language model: what is no object is kept as one, not refused."""
        if isinstance(data, dict) and not isinstance(data.get("analysis_result"), dict | None):
            return {**data, "analysis_result": {"result": data["analysis_result"]}}
        return data

    @property
    def is_over(self) -> bool:
        """Whether the call has ended, one way or another."""
        return self.status in OVER or self.ended_at is not None

    @property
    def is_outbound(self) -> bool:
        """Whether we rang; a call that does not say is taken for ours."""
        return self.direction in (None, "outbound")

    def is_with(self, phone: str) -> bool:
        """Whether the other party is `phone` (E.164); formatting characters do not count."""
        return self.caller_phone is not None and _digits(self.caller_phone) == _digits(phone)


class CallPage(BaseModel):
    """One page of `GET /calls`, newest first.

    Attributes:
        calls: The page's calls.
        total: All matching calls; None when the server does not say.
    """

    model_config = ConfigDict(frozen=True)

    calls: tuple[Call, ...]
    total: int | None = None


class Placed(ApiModel):
    """The answer to a call that was placed. `status` is `dialing`, which appears only here."""

    call_id: str = Field(min_length=1)
    status: str = ""
    room_name: str | None = None


class OutboundCall(BaseModel):
    """Whom to ring, from which number, with which agent (contract section 9.3).

    Exactly one of `agent_id` and `agent_config` must be given.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    destination: PhoneText = Field(description="Number to ring, E.164.")
    agent_id: str = Field(default="", description="A saved agent.")
    agent_config: JsonObject | None = Field(default=None, description="A one-time agent, not saved.")
    number_id: str = Field(default="", description="Caller id; empty lets the platform pick a number.")
    first_message: str = Field(default="", description="Greeting, instead of the saved agent's.")

    @model_validator(mode="after")
    def _one_agent(self) -> Self:
        if bool(self.agent_id) == bool(self.agent_config):
            raise ValueError("give exactly one of agent_id and agent_config")
        if self.first_message and self.agent_config:
            raise ValueError("first_message is for a saved agent; put the greeting into agent_config")
        return self

    def as_body(self, dialect: Dialect) -> JsonObject:
        """The request body in a dialect."""
        spell = _FLIREO_BODY if dialect is Dialect.FLIREO else _HMSOVEREIGN_BODY
        body: JsonObject = {"destination": self.destination}
        if self.number_id:
            body["number_id"] = self.number_id
        if self.agent_id:
            body[spell["agent_id"]] = self.agent_id
        if self.agent_config:
            body[spell["agent_config"]] = self.agent_config
        if self.first_message and dialect is Dialect.FLIREO:
            body["first_message"] = self.first_message
        elif self.first_message:
            body["assistant_override"] = {"first_message": self.first_message}
        return body


_FLIREO_BODY: Final = {"agent_id": "agent_id", "agent_config": "agent_config"}
_HMSOVEREIGN_BODY: Final = {"agent_id": "assistant_id", "agent_config": "assistant"}


def read_call(answer: Json) -> Call:
    """A call: bare as documented, or in an envelope."""
    return Call.model_validate(unwrap(answer, "call"))


def read_page(answer: Json) -> CallPage:
    """A page of calls; `pagination` may be missing."""
    paging = answer.get("pagination") if isinstance(answer, dict) else None
    total = paging.get("total") if isinstance(paging, dict) else None
    items: Sequence[Json] = unwrap(answer, "calls")
    calls = tuple(read_call(item) for item in items)
    return CallPage(calls=calls, total=total if isinstance(total, int) else None)


def read_placed(answer: Json) -> Placed:
    """The answer to a call that was placed."""
    return Placed.model_validate(answer)


@operation("POST", "/calls/outbound", read_placed, effect=Effect.RINGS)
def create_outbound_call(call: OutboundCall) -> Sends:
    """Ring one person. Sent once: no layer repeats it.

    Args:
        call: Whom to ring, from which number, with which agent.

    Returns:
        The call id. The phone usually rings 2 to 5 seconds later.

    Raises:
        InsufficientCredits: The balance is empty; nobody was rung.
        NotFound: No such agent or number; nobody was rung.
        RateLimited: Too many requests; nobody was rung.
        OutcomeUnknown: No usable answer; the phone may be ringing.

    Source: contract section 9.3.
    """
    return Sends(writes=call.as_body)


@operation("GET", "/calls/{id}", read_call)
def get_call(call_id: Id) -> Sends:
    """Read one call.

    Args:
        call_id: Id of the call; opaque, may hold a `+`.

    Raises:
        NotFound: No such call, or not yet: a call may be missing for some seconds after it was placed.

    Source: contract sections 9.1 and 9.2.
    """
    return Sends(values={"id": call_id})


@operation("GET", "/calls", read_page)
def list_calls(
    limit: int = 100,
    offset: int = 0,
    status: str = "",
    start_date: datetime | None = None,
    end_date: datetime | None = None,
) -> Sends:
    """Read a page of calls, newest first, each with its transcript and analysis.

    Args:
        limit: Calls a page, 1 to 1000.
        offset: Calls to skip. Pages shift while calls arrive, so read overlapping windows.
        status: Only calls with this status (`connecting`, `in-progress`, `ended`, `failed`); empty for all.
        start_date: Only calls created at or after this time.
        end_date: Only calls created at or before this time.

    Source: contract sections 4 and 9.1.
    """
    query = {
        "limit": limit,
        "offset": offset,
        "status": status or None,
        "start_date": iso(start_date) if start_date else None,
        "end_date": iso(end_date) if end_date else None,
    }
    return Sends(query=query)


def _digits(phone: str) -> str:
    return "".join(character for character in phone if character.isdigit()).removeprefix("00")
