"""Calls: place one, and read what became of it. Contract section 9."""

from datetime import datetime
from typing import Any, Final, Self

from pydantic import AliasChoices, AwareDatetime, BaseModel, Field, model_validator

from flireo_flows.api.agent_config import AgentOverride, InlineAgent
from flireo_flows.api.errors import InvalidInput
from flireo_flows.api.fields import Dialect, Id, PhoneText, iso, optional
from flireo_flows.api.identity import comparable, digits, same_person
from flireo_flows.api.model import (
    ApiBody,
    ApiModel,
    Json,
    JsonObject,
    Page,
    read_list,
    read_total,
    refused,
    unwrap,
)
from flireo_flows.api.operation import Effect, Sends, operation

LARGEST_PAGE: Final = 1000  # contract section 4
SURE_DIGITS: Final = 7  # at the end of two numbers: where they differ, so do the people
RING_PATH: Final = "/calls/outbound"
AGENT_KEYS: Final = frozenset({"agent_id", "assistant_id", "agent_config", "assistant", "agent"})

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

    id: Id
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
    room_name: str | None = None
    recording_url: str | None = None
    agent_id: str | None = None
    agent_name: str | None = Field(
        default=None, validation_alias=AliasChoices("agent_name", "assistant_name")
    )
    business_name: str | None = None
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
        """Whether we may have placed it: any direction but an explicit inbound or web call.

        Enums are open (contract section 0.3): `OUTBOUND`, `outbound_phone_call`, null and unknown words count.
        """
        return not is_of_others(self.direction)

    def may_be_with(self, phone: str) -> bool:
        """Whether the other party may be `phone` (E.164), as far as the call shows.

        False only for a telephone number that ends otherwise: null is allowed (contract section 9.2), and a name, an
        address, a number without its country, or that of the account itself proves nothing.
        """
        ours, theirs = comparable(phone), comparable(self.caller_phone or "")
        is_number = len(theirs) >= SURE_DIGITS and is_written_as_number(self.caller_phone or "")
        if self.phone_number is not None and theirs == comparable(self.phone_number):
            return True
        return not is_number or theirs[-SURE_DIGITS:] == ours[-SURE_DIGITS:]

    def is_with(self, phone: str) -> bool:
        """Whether the other party is `phone` (E.164), in whatever spelling of one number; see `identity`."""
        return self.caller_phone is not None and same_person(self.caller_phone, phone)

    def is_surely_not_with(self, phone: str) -> bool:
        """Whether the other party is a whole telephone number, and surely not `phone` (E.164).

        False where the call shows no number, a part of one, a name, or our own number.
        """
        if self.is_with(phone) or self._shows_our_number:
            return False
        return not self.may_be_with(phone) or is_whole_number(self.caller_phone or "")

    @property
    def _shows_our_number(self) -> bool:
        shown = comparable(self.caller_phone or "")
        return shown in (comparable(own) for own in (self.phone_number, self.assistant_phone) if own)


class CallPage(BaseModel, Page, frozen=True):
    """One page of `GET /calls`, newest first.

    Attributes:
        calls: The page's calls.
        total: All matching calls; None when the server does not report it.
    """

    calls: tuple[Call, ...]
    total: int | None = None


class Placed(ApiModel):
    """The answer to a call that was placed. `status` is `dialing`, which appears only here."""

    call_id: str = Field(min_length=1)
    success: bool = True
    status: str = ""
    room_name: str | None = None


class OutboundCall(ApiBody):
    """The number to call, the number to call from, and the agent (contract section 9.3).

    Exactly one of `agent_id` and `agent_config` must be given. The names of the later dialect, `assistant_id`
    and `assistant`, are understood too.
    """

    destination: PhoneText = Field(description="Number to call, E.164.", repr=False)
    number_id: str = Field(default="", description="Caller id; empty lets the platform pick a number.")
    agent_id: str = Field(
        default="", validation_alias=AliasChoices("agent_id", "assistant_id"), description="A saved agent."
    )
    agent_config: InlineAgent | None = Field(
        default=None,
        validation_alias=AliasChoices("agent_config", "assistant", "agent"),
        description="A one-time agent, not saved.",
    )
    first_message: str = Field(default="", description="Greeting, instead of the saved agent's.")
    assistant_override: AgentOverride | None = optional(
        "What this call changes about the saved agent; the `flireo` dialect knows only its greeting."
    )

    @model_validator(mode="after")
    def _one_agent(self) -> Self:
        again = AGENT_KEYS & (self.model_extra or {}).keys()  # under a second name
        if again or bool(self.agent_id) == (self.agent_config is not None):
            raise ValueError("give exactly one of agent_id and agent_config")
        if self.agent_config is None:
            return self
        if self.first_message:
            words = "is for a saved agent; put the greeting into agent_config"
            raise refused("OutboundCall", "first_message", words)
        if self.assistant_override is not None:
            words = "is for a saved agent; put what it changes into agent_config"
            raise refused("OutboundCall", "assistant_override", words)
        return self

    @model_validator(mode="after")
    def _one_greeting(self) -> Self:
        greets = (
            self.assistant_override is not None
            and "first_message" in self.assistant_override.model_fields_set
        )
        if self.first_message and greets:
            raise refused("OutboundCall", "first_message", "is given by assistant_override as well")
        return self

    def as_body(self, dialect: Dialect) -> JsonObject:
        """The request body in a dialect.

        Raises:
            InvalidInput: The `flireo` dialect cannot override what `assistant_override` holds.
        """
        body: JsonObject = {**(self.model_extra or {}), "destination": self.destination}
        if self.number_id:
            body["number_id"] = self.number_id
        is_later = dialect is Dialect.HMSOVEREIGN
        if self.agent_config is not None:
            body["assistant" if is_later else "agent_config"] = self.agent_config.as_body(dialect)
            return body
        body["assistant_id" if is_later else "agent_id"] = self.agent_id
        override = self._override(dialect)
        if override and is_later:
            body["assistant_override"] = override
        return body if is_later else {**body, **_greeting_alone(override)}

    def _override(self, dialect: Dialect) -> JsonObject:
        """What the call changes about the saved agent, the greeting included."""
        greeting = {"first_message": self.first_message} if self.first_message else {}
        return {**(self.assistant_override.as_body(dialect) if self.assistant_override else {}), **greeting}


def _greeting_alone(override: JsonObject) -> JsonObject:
    """The one thing about a saved agent that the `flireo` dialect lets a call change."""
    others = sorted(override.keys() - {"first_message"})
    if others or not override.get("first_message", True):
        field = f"call.assistant_override.{others[0] if others else 'first_message'}"
        words = (
            "the flireo dialect changes nothing about a saved agent but its first_message; use agent_config"
        )
        raise InvalidInput("create_outbound_call", f"POST {RING_PATH}", text=f"{field}: {words}", param=field)
    return override


def read_call(answer: Json) -> Call:
    """A call: bare as documented, or in an envelope."""
    return Call.model_validate(unwrap(answer, "call"))


def read_page(answer: Json) -> CallPage:
    """A page of calls; `pagination` may be missing."""
    calls = tuple(read_call(item) for item in read_list(answer, "calls"))
    return CallPage(calls=calls, total=read_total(answer))


def read_placed(answer: Json) -> Placed:
    """The answer to a call that was placed."""
    return Placed.model_validate(unwrap(answer, "call"))


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


@operation("GET", "/calls/{id}", read_call, has_error=True)
def get_call(call_id: Id) -> Sends:
    """Read one call.

    Args:
        call_id: Id of the call; opaque, may hold a `+`.

    Raises:
        NotFound: No such call, or not yet: a call may be missing for some seconds after it was placed.

    Source: contract sections 9.1 and 9.2.
    """
    return Sends(values={"id": call_id})


@operation("POST", RING_PATH, read_placed, effect=Effect.PLACES_CALL)
def create_outbound_call(call: OutboundCall) -> Sends:
    """Call one person. Sent once: no layer repeats it.

    Args:
        call: The number to call, the number to call from, and the agent.

    Returns:
        The call id. The phone usually starts ringing 2 to 5 seconds later.

    Raises:
        InvalidInput: It cannot be right, or not in the account's dialect; nothing was sent.
        InsufficientCredits: The balance is empty; no one was called.
        NotFound: No such agent or number; no one was called.
        RateLimited: Too many requests; no one was called.
        OutcomeUnknown: No usable answer; the phone may be ringing.

    Source: contract section 9.3.
    """
    return Sends(writes=call.as_body)


def is_of_others(direction: str | None) -> bool:
    """Whether a direction, or the type of a call, shows that we did not place it: explicitly inbound, or web.

    Args:
        direction: Of a call (`inbound`), or its type in a webhook (`inboundPhoneCall`, `inbound_phone_call`).
    """
    word = "".join(character for character in (direction or "").casefold() if character.isalnum())
    if "outbound" in word:
        return False
    return "inbound" in word or "incoming" in word or word.startswith("web")


def is_whole_number(text: str) -> bool:
    """Whether a text is a telephone number with its country: it can be compared with another one."""
    plain = digits(text)
    has_country = text.strip().startswith(("+", "00")) and len(plain) > SURE_DIGITS
    return has_country and is_written_as_number(text)


def is_written_as_number(text: str) -> bool:
    """Whether a text has only digits and what separates them: no letter, and no `*` in the place of a digit."""
    return all(character.isdigit() or character.isspace() or character in "+-()./" for character in text)
