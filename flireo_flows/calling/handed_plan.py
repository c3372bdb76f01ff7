"""A plan whose leads are handed to a campaign of Flireo's own: what that cannot honour is refused while planning."""

from collections.abc import Iterator, Sequence

from flireo_flows.calling.choice import Composes
from flireo_flows.calling.handover import CannotHandOver, Words, notices, refusal_of_row, refusals
from flireo_flows.calling.policy import CallingPolicy
from flireo_flows.calling.script import Composer
from flireo_flows.leads.lead import Lead


def refuse_handover(leads: Sequence[Lead], policy: CallingPolicy, composer: Composes) -> None:
    """Refuse what was asked for and Flireo's campaign cannot do.

    Raises:
        CannotHandOver: Says every setting, and the first row, that asks for it.
    """
    if not isinstance(composer, Composer):
        return
    words = Words.of(composer.caller, composer.script)
    problems = refusals(policy, words)
    asking = ((lead.line, refusal_of_row(lead.wishes, words.agent_id)) for lead in leads)
    if found := next(((line, wish) for line, wish in asking if wish), None):
        problems.append(
            f"Line {found[0]} asks for {found[1]}, which a campaign of Flireo's own cannot do; take it out, or use "
            "mode 'direct'."
        )
    if problems:
        raise CannotHandOver(" ".join(problems))


def handover_warnings(policy: CallingPolicy) -> Iterator[str]:
    """What holds less strictly, and what a plan cannot foresee."""
    yield "Flireo's campaign chooses its own pace within its hours: the times are those of ringing from here."
    yield from (f"{notice[:1].upper()}{notice[1:]}." for notice in notices(policy))
