"""Which errors are the user's to correct: they are shown in a sentence, without a traceback."""


class SettingError(Exception):
    """A setting or a file of settings is missing or wrong. Names which, and what to do."""


def is_for_user(error: Exception) -> bool:
    """Whether an error has a sentence for the user, as every public one of ours has; others are bugs."""
    kind = type(error)
    return kind.__module__.startswith("flireo_flows.") and not kind.__name__.startswith("_")


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
