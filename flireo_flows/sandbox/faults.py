"""When to do wrong: by share, as the seed has it, or the next so many times."""

from pydantic import Field

from flireo_flows.sandbox.dice import Dice
from flireo_flows.sandbox.settings import FaultSettings


class Faults(FaultSettings):
    """The faults in force. The two counters go before the shares, and count down."""

    lose_next_answers: int = Field(0, ge=0, description="Outbound calls to place without answering.")
    bad_gateway_next: int = Field(0, ge=0, description="Outbound calls to answer with a 502, not placed.")

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
