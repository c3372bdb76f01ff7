"""Which errors are the user's to mend: they are shown in a sentence, without a traceback."""


class SettingError(Exception):
    """A setting or a file of settings is missing or wrong. Says which, and what to do."""


def PROBLEMS() -> tuple[type[Exception], ...]:
    """Every kind of error that has a sentence of its own."""
    from flireo_flows.analytics import ExportError
    from flireo_flows.api.errors import FlireoError
    from flireo_flows.api.network import NetworkSettingError
    from flireo_flows.calling.campaign_steps import CampaignStoppedError, NoLeadsError
    from flireo_flows.calling.preflight import NotReadyError
    from flireo_flows.calling.saved_plan import PlanError
    from flireo_flows.leads import LeadFileError
    from flireo_flows.ledger import LedgerError
    from flireo_flows.ledger.campaigns import DeclinedError
    from flireo_flows.prefect_support.child_process import ChildError
    from flireo_flows.script import ScriptError

    kinds: tuple[type[Exception], ...] = (
        CampaignStoppedError,
        ChildError,
        DeclinedError,
        ExportError,
        FlireoError,
        LeadFileError,
        LedgerError,
        NetworkSettingError,
        NoLeadsError,
        NotReadyError,
        PlanError,
        ScriptError,
        SettingError,
    )
    return (*kinds, *_of_prefect())


def in_words(error: Exception) -> str:
    """The error in a line."""
    return " ".join(str(error).split()) or type(error).__name__


def is_unread(error: Exception) -> bool:
    """Whether no one was called because the account's recent calls cannot be read."""
    from flireo_flows.calling.preflight import RecentCallsUnreadError

    return isinstance(error, RecentCallsUnreadError)


def is_clock(error: Exception) -> bool:
    """Whether calling stopped because two clocks disagree."""
    return bool(getattr(error, "is_clock", False))


def _of_prefect() -> tuple[type[Exception], ...]:
    """Errors of what needs Prefect; only if it was loaded, for loading it takes seconds."""
    import sys

    if "flireo_flows.prefect_support.automations" not in sys.modules:
        return ()
    from flireo_flows.prefect_support.automations import AutomationError

    return (AutomationError,)
