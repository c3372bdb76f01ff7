"""What a finished call means: the words of contract sections 9.4, 9.5 and 17.3, and words it may yet use."""

import pytest

from flireo_flows.lifecycle.outcomes import FinishedCall, Outcome, outcome_of

TALKED = {"talked": True}


@pytest.mark.parametrize(
    ("reported", "outcome"),
    [
        # A person answered, and the talk ended in whichever way.
        ({"status": "ended", "end_reason": "user_hangup", **TALKED}, Outcome.ANSWERED),
        ({"status": "ended", "end_reason": "assistant_hangup", **TALKED}, Outcome.ANSWERED),
        ({"status": "ended", "end_reason": "max_duration", **TALKED}, Outcome.ANSWERED),
        ({"status": "ended", "end_reason": "silence_timeout", **TALKED}, Outcome.ANSWERED),
        ({"status": "ended", "end_reason": "api_end_call", **TALKED}, Outcome.ANSWERED),
        ({"status": "ended", "summary": "Anna would like an offer.", **TALKED}, Outcome.ANSWERED),
        ({"status": "a-status-of-tomorrow", **TALKED}, Outcome.ANSWERED),
        # No one did.
        ({"status": "failed", "error": "no answer"}, Outcome.NO_ANSWER),
        ({"status": "failed", "end_reason": "no_answer"}, Outcome.NO_ANSWER),
        ({"status": "failed", "end_reason": "no-answer", "error": "No Answer"}, Outcome.NO_ANSWER),
        ({"status": "failed", "error": "the call was not answered"}, Outcome.NO_ANSWER),
        ({"status": "ended", "end_reason": "timeout"}, Outcome.NO_ANSWER),
        ({"status": "ended"}, Outcome.NO_ANSWER),
        ({"status": "failed", "error": "busy"}, Outcome.BUSY),
        ({"status": "failed", "end_reason": "BUSY"}, Outcome.BUSY),
        ({"status": "failed", "error": "User busy (486)"}, Outcome.BUSY),
        # "busy" in a talk is something that was said of it.
        ({"status": "ended", "end_reason": "user_hangup", "error": "busy", **TALKED}, Outcome.ANSWERED),
        # A machine did: the reason says so, or the summary begins as documented.
        ({"status": "ended", "end_reason": "voicemail", **TALKED}, Outcome.VOICEMAIL),
        ({"status": "ended", "end_reason": "voice-mail", **TALKED}, Outcome.VOICEMAIL),
        ({"status": "ended", "end_reason": "answering_machine_detected", **TALKED}, Outcome.VOICEMAIL),
        (
            {"status": "ended", "summary": "Voicemail detected. A message was left.", **TALKED},
            Outcome.VOICEMAIL,
        ),
        ({"status": "ended", "summary": "Anna said: voicemail detected.", **TALKED}, Outcome.ANSWERED),
        # It says that it was no machine, or could not tell.
        ({"status": "ended", "end_reason": "voicemail_not_detected", **TALKED}, Outcome.ANSWERED),
        ({"status": "ended", "end_reason": "no-voicemail", **TALKED}, Outcome.ANSWERED),
        ({"status": "ended", "end_reason": "Voicemail detection failed", **TALKED}, Outcome.ANSWERED),
        # It says that no one took over.
        ({"status": "ended", "end_reason": "transfer_failed", **TALKED}, Outcome.ANSWERED),
        ({"status": "ended", "end_reason": "not transferred", **TALKED}, Outcome.ANSWERED),
        ({"status": "failed", "error": "no_transfer_destination"}, Outcome.FAILED),
        ({"status": "ended-with-error", "error": "transfer error", **TALKED}, Outcome.FAILED),
        ({"status": "ended", "end_reason": "transferred_to_another_agent", **TALKED}, Outcome.TRANSFERRED),
        # In a talk, something else than the call was declined.
        ({"status": "ended", "end_reason": "customer_declined_offer", **TALKED}, Outcome.ANSWERED),
        ({"status": "rejected", **TALKED}, Outcome.REJECTED),
        # It was handed on, refused or broken.
        ({"status": "transferred", **TALKED}, Outcome.TRANSFERRED),
        ({"status": "ended", "end_reason": "transferred", **TALKED}, Outcome.TRANSFERRED),
        ({"status": "rejected"}, Outcome.REJECTED),
        ({"status": "failed", "error": "call rejected"}, Outcome.REJECTED),
        ({"status": "failed", "end_reason": "declined"}, Outcome.REJECTED),
        ({"status": "failed"}, Outcome.FAILED),
        ({"status": "failed", "error": "call could not be connected"}, Outcome.FAILED),
        ({"status": "ended-with-error", "error": "STT connection failed", **TALKED}, Outcome.FAILED),
        ({"status": "insufficient-credits"}, Outcome.FAILED),
        # Nothing is known of it.
        ({}, Outcome.UNKNOWN),
        ({"status": "a-status-of-tomorrow"}, Outcome.UNKNOWN),
    ],
    ids=str,
)
def test_an_ending_has_its_outcome(reported: dict[str, object], outcome: Outcome) -> None:
    assert outcome_of(FinishedCall(**reported)) is outcome  # type: ignore[arg-type]
