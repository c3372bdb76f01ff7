"""What this room asks of a lead's result. The ledger's record is one without knowing of this page."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol


class Result(Protocol):
    """Where one lead stands, and what its last call brought."""

    @property
    def phone(self) -> str:
        """E.164, with the leading `+`."""

    @property
    def name(self) -> str:
        """As written in the file; empty when there is none."""

    @property
    def state(self) -> str:
        """One of waiting, calling, done, skipped, review."""

    @property
    def reason(self) -> str:
        """Why skipped, in review or still waiting; empty otherwise."""

    @property
    def outcome(self) -> str:
        """One of answered, voicemail, no_answer, busy, failed, rejected, transferred, unknown, or empty."""

    @property
    def attempts(self) -> int:
        """How many times this lead was rung."""

    @property
    def call_id(self) -> str:
        """Flireo's id of the last call; empty when there was none."""

    @property
    def duration_seconds(self) -> int | None:
        """Length of the last call in seconds."""

    @property
    def summary(self) -> str:
        """What a language model wrote about the call. Untrusted text."""

    @property
    def analysis(self) -> Mapping[str, object] | None:
        """What a language model filled in for the user's JSON schema. Untrusted: anything JSON can hold."""

    @property
    def columns(self) -> Mapping[str, str]:
        """The lead's own columns of the file, by header."""

    @property
    def started_at(self) -> datetime | None:
        """When the last call began, with its zone."""

    @property
    def ended_at(self) -> datetime | None:
        """When the last call ended, with its zone."""


class Completeness(Protocol):
    """How many of the results that should be in are in."""

    @property
    def report_share(self) -> float | None:
        """Of the reports; 0 to 1, None when none is due."""

    @property
    def analysis_share(self) -> float | None:
        """Of the analyses; 0 to 1, None when none is due."""

    def rows(self) -> Mapping[str, str]:
        """The figures in words, by what they are."""
