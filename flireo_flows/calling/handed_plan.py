"""A plan whose leads are handed to a campaign of Flireo's own: what that cannot honour is refused while planning."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from flireo_flows.calling.choice import Composes
from flireo_flows.calling.handover import (
    CannotHandOver,
    Words,
    dialled_before,
    notices,
    refusal_of_row,
    refusals,
    window_of,
)
from flireo_flows.calling.past import Past
from flireo_flows.calling.policy import CallingPolicy
from flireo_flows.calling.script import Composer
from flireo_flows.calling.states import LeadState
from flireo_flows.leads.lead import Lead

OVER: Final = (LeadState.DONE, LeadState.REVIEW)  # not handed over any more, whatever their row asks for


def refuse_handover(
    leads: Sequence[Lead], campaign: str, policy: CallingPolicy, composer: Composes, past: Past, now: datetime
) -> None:
    """Refuse what was asked for and Flireo's campaign cannot do, as the run would.

    Args:
        leads: Of the file.
        campaign: Name of our campaign.
        policy: The rules.
        composer: Who speaks, and what they are told.
        past: What happened before.
        now: When the run would begin, aware.

    Raises:
        CannotHandOver: Says every setting, and the first row, that asks for it; or that there are no hours at
            which all may be rung, or that the campaign was dialled directly before.
    """
    if not isinstance(composer, Composer):
        return
    words = Words.of(composer.caller, composer.script)
    problems = refusals(policy, words)
    ours = [
        lead for lead in leads if lead.phone not in past.people or past.people[lead.phone].state not in OVER
    ]
    asking = ((lead.line, refusal_of_row(lead.wishes, words.agent_id)) for lead in ours)
    if found := next(((line, wish) for line, wish in asking if wish), None):
        problems.append(
            f"Line {found[0]} asks for {found[1]}, which a campaign of Flireo's own cannot do; take it out, or use "
            "mode 'direct'."
        )
    if problems:
        raise CannotHandOver(" ".join(problems))
    if past.was_dialled:
        raise dialled_before(campaign)
    window_of(policy, [*(lead.zones for lead in ours), *past.open_elsewhere], now)


def handover_warnings(policy: CallingPolicy) -> Iterator[str]:
    """What holds less strictly, and what a plan cannot foresee."""
    yield "Flireo's campaign chooses its own pace within its hours: the times are those of ringing from here."
    yield from (f"{notice[:1].upper()}{notice[1:]}." for notice in notices(policy))
