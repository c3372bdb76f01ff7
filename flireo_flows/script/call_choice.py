"""Which agent calls a lead, from which number, in which variant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from flireo_flows.leads import Wishes

# Under this an attempt's reference stands in a call's metadata, which the vendor sends back with reports.
ATTEMPT_KEY: Final = "flireo_flows_attempt"


class ComposeError(Exception):
    """No request can be composed for this lead, so it is not called. Names the variable or setting; holds no number."""


class NoClientNumberError(ComposeError):
    """The lead's row names a client on whose behalf it is called, and no number belongs to that client."""

    def __init__(self) -> None:
        super().__init__(
            "no number belongs to this row's client (on_behalf_of), and it is never called from another client's: add "
            "a number of the client to the script's number pool, or give the row its number (number_id)"
        )

    def __reduce__(self) -> tuple[type["NoClientNumberError"], tuple[()]]:
        return type(self), ()


@dataclass(frozen=True, slots=True)
class LeadFacts:
    """A lead, as far as choosing and composing need it.

    Attributes:
        phone: E.164.
        name: As written in the file.
        columns: The row of the file.
        wishes: What the row asks for.
        number_id: Caller id of an earlier attempt, which is kept; empty at the first.
        variant: Of an earlier attempt, which is kept; empty at the first.
    """

    phone: str
    name: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    wishes: Wishes = field(default_factory=Wishes)
    number_id: str = ""
    variant: str = ""


@dataclass(frozen=True, slots=True)
class CallChoice:
    """What was chosen for one attempt; it is written down with it.

    Attributes:
        agent_id: The saved agent; empty for an inline one.
        number_id: The caller id; empty lets Flireo pick one.
        variant: Name of the A/B variant; empty without variants.
    """

    agent_id: str = ""
    number_id: str = ""
    variant: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """A saved agent and the number it calls from.

    Attributes:
        agent_id: Id of the saved agent; empty for none.
        number_id: Id of the number; empty lets Flireo pick one.
    """

    agent_id: str
    number_id: str = ""
