"""Who rings a lead: which agent, from which number, in which variant; and the request that says so."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from flireo_flows.api.calls import OutboundCall
from flireo_flows.leads.wishes import Wishes

# Under this an attempt's reference stands in a call's metadata, which the vendor sends back with reports.
ATTEMPT_KEY: Final = "flireo_flows_attempt"


class ComposeError(Exception):
    """Nothing can be said to this lead, so it is not rung. Says which variable or setting; holds no number."""


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
    """A lead, as far as choosing and speaking need it.

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


class Composes(Protocol):
    """Chooses and composes for a campaign. Pure: the same lead always gives the same choice and words."""

    @property
    def agent_ids(self) -> frozenset[str]:
        """Saved agents that may speak, as far as the campaign's settings name them."""

    @property
    def number_ids(self) -> frozenset[str]:
        """Numbers that may ring, as far as the campaign's settings name them."""

    def choose(self, facts: LeadFacts) -> CallChoice:
        """Choose agent, number and variant for a lead's next attempt.

        Raises:
            NoClientNumberError: The row names a client without a number; the lead goes to review.
        """

    def compose(self, facts: LeadFacts, choice: CallChoice, reference: str) -> OutboundCall:
        """The request of one attempt.

        Args:
            facts: The lead.
            choice: What was chosen and written down for the attempt.
            reference: The attempt's own id, sent along where the request has room for it.

        Raises:
            ComposeError: A variable is missing, or a setting does not fit.
        """


@dataclass(frozen=True, slots=True)
class Caller:
    """Who rings: a saved agent, from a number. By itself it composes calls that say what the agent says.

    Attributes:
        agent_id: Id of the saved agent.
        number_id: Id of the number; empty lets Flireo pick one.
    """

    agent_id: str
    number_id: str = ""

    @property
    def agent_ids(self) -> frozenset[str]:
        """The saved agent, if there is one."""
        return frozenset({self.agent_id} - {""})

    @property
    def number_ids(self) -> frozenset[str]:
        """The number, if there is one."""
        return frozenset({self.number_id} - {""})

    def choose(self, facts: LeadFacts) -> CallChoice:
        """What the lead's row asks for, else the caller id it knows, else this agent and number.

        Raises:
            NoClientNumberError: The row names a client; whose this number is, no one said.
        """
        if facts.wishes.client.strip() and not facts.wishes.number_id:
            raise NoClientNumberError
        return CallChoice(
            agent_id=facts.wishes.agent_id or self.agent_id,
            number_id=facts.wishes.number_id or facts.number_id or self.number_id,
        )

    def compose(self, facts: LeadFacts, choice: CallChoice, reference: str) -> OutboundCall:
        """The saved agent as it is; there is no room for the reference.

        Raises:
            ComposeError: There is no agent to speak to this lead.
        """
        if not choice.agent_id:
            raise ComposeError("no agent speaks to this lead: give the campaign one, or the lead's row")
        return OutboundCall(destination=facts.phone, number_id=choice.number_id, agent_id=choice.agent_id)
