"""What was said in a call, and the summary of it."""

from collections.abc import Mapping
from typing import Any, Final

from flireo_flows.sandbox.settings import Outcome
from flireo_flows.sandbox.store import Call

Talk = tuple[tuple[str, str], ...]  # role, words

_GREETING: Final = {"nl": "Goedemiddag, u spreekt met Sanne.", "en": "Good afternoon, this is Sanne."}

# The first utterance of a machine: voicemail detection looks for phrases such as these.
_MACHINE: Final = {
    "nl": "U bent verbonden met de voicemail. Spreek een bericht in na de toon.",
    "en": "You have reached the voicemail. Please leave a message after the beep.",
}

_GOOD: Final[Mapping[str, Talk]] = {
    "nl": (
        ("user", "Dag, ja, ik heb uw bericht gezien. Dat lijkt me wel wat."),
        ("assistant", "Fijn. Zal ik een afspraak voor u inplannen?"),
        ("user", "Graag, volgende week kan ik goed."),
        ("assistant", "Genoteerd. U krijgt een bevestiging. Tot dan!"),
    ),
    "en": (
        ("user", "Hello, yes, I saw your message. I like the idea."),
        ("assistant", "Good. Shall I make an appointment for you?"),
        ("user", "Please do, next week suits me well."),
        ("assistant", "It is noted, and you will get a confirmation. See you then!"),
    ),
}
_BAD: Final[Mapping[str, Talk]] = {
    "nl": (
        ("user", "Sorry, het komt nu niet uit en ik heb er geen belangstelling voor."),
        ("assistant", "Dat begrijp ik. Fijne dag nog!"),
    ),
    "en": (
        ("user", "Sorry, this is a bad moment and I am not interested."),
        ("assistant", "I understand. Have a good day!"),
    ),
}
_SUMMARY: Final = {
    "good": "The person is interested and wants an appointment next week.",
    "bad": "The person is not interested.",
    "transferred": "The person was connected to a colleague.",
    "broken": "The conversation was broken off by a technical error.",
    "machine": "A machine answered and nobody spoke to us.",
}


def messages_of(call: Call) -> list[dict[str, Any]]:
    """The transcript, as the API writes it. Tools are used once the other party has spoken."""
    words = _machine(call) if call.plan.outcome is Outcome.VOICEMAIL else _person(call)
    talk = [{"role": role, "content": content} for role, content in words]
    return [*talk[:2], *call.tool_notes, *talk[2:], *call.said]


def summary_of(call: Call) -> str:
    """The summary, as the platform's model would write it."""
    if call.plan.outcome is Outcome.VOICEMAIL:
        if not call.agent.get("voicemail_detection"):
            return _SUMMARY["machine"]
        left = "A message was left." if call.agent.get("voicemail_message") else "No message left."
        return f"Voicemail detected. {left}"  # the reference's own opening words
    if call.end_reason == "transferred":
        return _SUMMARY["transferred"]
    if call.plan.outcome is Outcome.ERROR:
        return _SUMMARY["broken"]
    return _SUMMARY["good" if call.plan.mood >= 0.5 else "bad"]


def _machine(call: Call) -> Talk:
    greeting = ("user", _MACHINE[_language(call)])
    if not call.agent.get("voicemail_detection"):
        return (greeting, ("assistant", _opening(call)))
    message = call.agent.get("voicemail_message")
    return (greeting, ("assistant", str(message))) if message else (greeting,)


def _person(call: Call) -> Talk:
    language = _language(call)
    talk = _GOOD[language] if call.plan.mood >= 0.5 else _BAD[language]
    opening = (("assistant", _opening(call)),)
    return opening + (talk[:1] if call.plan.outcome is Outcome.ERROR else talk)


def _opening(call: Call) -> str:
    return str(call.agent.get("first_message") or _GREETING[_language(call)])


def _language(call: Call) -> str:
    stt_config = call.agent.get("stt_config")
    language = stt_config.get("language") if isinstance(stt_config, dict) else None
    return "nl" if str(language).lower().startswith("nl") else "en"
