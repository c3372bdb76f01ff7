"""`flireo-flows ...`. Commands import what they need when they run, so that `--help` answers at once."""

import os
import sys
from typing import Any, Final

from cyclopts import App, CycloptsError

from flireo_flows import __version__
from flireo_flows.cli.automations import automations
from flireo_flows.cli.collect import collect
from flireo_flows.cli.demo import demo
from flireo_flows.cli.inbox import inbox
from flireo_flows.cli.outcomes import outcomes
from flireo_flows.cli.pause import cancel, pause, resume
from flireo_flows.cli.plan import plan
from flireo_flows.cli.run import run
from flireo_flows.cli.sandbox import sandbox
from flireo_flows.cli.status import status
from flireo_flows.cli.suppressions import do_not_call, forget, suppress, suppressions, unsuppress
from flireo_flows.cli.template import init
from flireo_flows.cli.webhooks import webhooks
from flireo_flows.cli.why import why

DONE, FAILED, USAGE, OPEN, CLOCK, UNREAD, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

app = App(
    name="flireo-flows",
    version=__version__,
    help="""Call the people of a file through Flireo, each once, at a permitted hour, and export the results.

Settings come from the environment: FLIREO_API_KEY, FLIREO_BASE_URL, FLIREO_DIALECT (flireo or hmsovereign),
FLIREO_LEDGER_URL (sqlite:///FILE or postgresql://...), FLIREO_WEBHOOK_SECRET.""",
    help_format="plaintext",
    suppress_keyboard_interrupt=False,  # we report what Ctrl-C means, see below
)
_COMMANDS: Final[tuple[Any, ...]] = (
    *(run, collect, plan, status, why, outcomes, pause, resume, cancel),
    *(suppress, unsuppress, suppressions, do_not_call, forget),
    *(demo, sandbox, webhooks, automations, inbox, init),
)
for _command in _COMMANDS:
    app.command(_command)


def main() -> None:
    """The script's entry point.

    Ends with 0 done, 1 error, 2 usage, 3 leads still open, 4 clocks disagree, 5 recent calls not read, 130 interrupted.
    """
    sys.exit(_main(sys.argv[1:]))


def _main(arguments: list[str]) -> int:
    from flireo_flows.cli.user_errors import in_words, is_clock, is_for_user, is_unread

    for option, given in zip(["", *arguments], arguments, strict=False):
        # Bytes that are not UTF-8 arrive as halves of surrogate pairs. No database takes them; a file may have them.
        if any("\ud800" <= letter <= "\udfff" for letter in given) and not os.path.exists(given):
            say(f"{option or 'the command'}: it contains bytes that are not UTF-8 text. Type it again.")
            return USAGE
    try:
        return int(app(arguments, exit_on_error=False, result_action="return_value") or DONE)
    except CycloptsError:
        return USAGE  # already printed
    except KeyboardInterrupt:
        say("interrupted. What was called is in the ledger; run the same command again to continue.")
        return INTERRUPTED
    except Exception as error:
        if not is_for_user(error):
            raise  # a bug of ours: its traceback is what helps
        say(in_words(error))
        return CLOCK if is_clock(error) else UNREAD if is_unread(error) else FAILED


def say(words: str) -> None:
    """One line on standard error."""
    print(f"flireo-flows: {words}", file=sys.stderr)
