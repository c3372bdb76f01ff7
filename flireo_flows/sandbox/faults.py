"""When to do wrong: by share, as the seed has it, or the next so many times."""

from typing import Final

from pydantic import Field

from flireo_flows.sandbox.seeded_random import Dice
from flireo_flows.sandbox.settings import FaultSettings, Switch

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

    def hits(self, kind: str, dice: Dice, operation: str, number: int) -> bool:
        """Is this request hit? Counts a `next` down.

        Args:
            kind: Of `BREAKING` or `ALTERING`.
            dice: Follows from the seed.
            operation: The operationId.
            number: Which request of this operation it is, from 1.
        """
        switch = self.switch(kind)
        if switch.operations and operation not in switch.operations:
            return False
        if switch.next:
            switch.next -= 1
            return True
        return dice.roll(kind, operation, number) < switch.share

    def loses_answer(self, dice: Dice, destination: str, ring: int) -> bool:
        """Place this call, but let nobody hear of it? `ring` is which call to this number it is, from 1."""
        if self.lose_next_answers:
            self.lose_next_answers -= 1
            return True
        return dice.roll("lose", destination, ring) < self.lose_answer_share

    def is_bad_gateway(self, dice: Dice, destination: str, request: int) -> bool:
        """Fail before the call is placed? `request` is which request for this number it is, from 1."""
        if self.bad_gateway_next:
            self.bad_gateway_next -= 1
            return True
        return dice.roll("gateway", destination, request) < self.bad_gateway_share

    def copies(self, dice: Dice, *webhook: object) -> int:
        """How often to send a webhook: 0 when it is dropped, 2 when doubled."""
        if dice.roll("drop", *webhook) < self.webhook_drop_share:
            return 0
        return 2 if dice.roll("double", *webhook) < self.webhook_double_share else 1
