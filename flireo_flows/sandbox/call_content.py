"""What a call contains: transcript, summary, and an analysis that fits the agent's JSON Schema.

A call has a mood from 0 to 1. Numbers lie that far along their range, enums that far down their list,
booleans are true when the mood is good: so an analysis of a good call is good in all of its fields.
`pattern`, `multipleOf` and lengths are ignored.
"""

from collections.abc import Mapping
from typing import Any, Final

from flireo_flows.sandbox.seeded_random import SeededRandom
from flireo_flows.sandbox.settings import SandboxOutcome
from flireo_flows.sandbox.store import SandboxCall

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
    "machine": "A machine answered and no one spoke to us.",
}


def messages_of(call: SandboxCall) -> list[dict[str, Any]]:
    """The transcript, as the API writes it. Tools are used once the other party has spoken."""
    words = _machine(call) if call.course.outcome is SandboxOutcome.VOICEMAIL else _person(call)
    talk = [{"role": role, "content": content} for role, content in words]
    return [*talk[:2], *call.tool_notes, *talk[2:], *call.said]


def summary_of(call: SandboxCall) -> str:
    """The summary, as the platform's model would write it."""
    if call.course.outcome is SandboxOutcome.VOICEMAIL:
        if not call.agent.get("voicemail_detection"):
            return _SUMMARY["machine"]
        left = "A message was left." if call.agent.get("voicemail_message") else "No message left."
        return f"Voicemail detected. {left}"  # the reference's own opening words
    if call.end_reason == "transferred":
        return _SUMMARY["transferred"]
    if call.course.outcome is SandboxOutcome.ERROR:
        return _SUMMARY["broken"]
    return _SUMMARY["good" if call.course.mood >= 0.5 else "bad"]


def _machine(call: SandboxCall) -> Talk:
    greeting = ("user", _MACHINE[_language(call)])
    if not call.agent.get("voicemail_detection"):
        return (greeting, ("assistant", _opening(call)))
    message = call.agent.get("voicemail_message")
    return (greeting, ("assistant", str(message))) if message else (greeting,)


def _person(call: SandboxCall) -> Talk:
    language = _language(call)
    talk = _GOOD[language] if call.course.mood >= 0.5 else _BAD[language]
    opening = (("assistant", _opening(call)),)
    return opening + (talk[:1] if call.course.outcome is SandboxOutcome.ERROR else talk)


def _opening(call: SandboxCall) -> str:
    return str(call.agent.get("first_message") or _GREETING[_language(call)])


def _language(call: SandboxCall) -> str:
    stt_config = call.agent.get("stt_config")
    language = stt_config.get("language") if isinstance(stt_config, dict) else None
    return "nl" if str(language).lower().startswith("nl") else "en"


Schema = Mapping[str, Any]

_JITTER = 0.3  # how far one field may stray from the mood of the call
_DEEPEST = 8  # levels; a schema may refer to itself
_LONGEST = 100  # items of an array
_MOST = 10_000  # values of one analysis; a schema that refers to itself would have more than fit anywhere
_LARGEST = 1e15  # a bound beyond it, or one that is no number, is none
_TYPES = frozenset({"object", "array", "boolean", "integer", "number", "null", "string"})


def analysis_of(schema: Schema, mood: float, random: SeededRandom, *call: object) -> dict[str, Any]:
    """An analysis shaped by a schema.

    Args:
        schema: JSON Schema of an object.
        mood: From 0 to 1.
        random: Follows from the seed.
        call: What identifies the call; the same call gives the same analysis.
    """
    value = _Writer(schema, mood, random, call).value(schema, ("analysis",))
    return value if isinstance(value, dict) else {}


class _Writer:
    def __init__(self, root: Schema, mood: float, random: SeededRandom, call: tuple[object, ...]) -> None:
        self._root, self._mood, self._random, self._call = root, mood, random, call
        self._left = _MOST

    def value(self, schema: Any, path: tuple[str, ...]) -> Any:
        """A value for the schema at a path; None where the schema is silent, or goes too deep."""
        self._left -= 1
        if len(path) > _DEEPEST or self._left < 0:
            return None
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return schema["enum"][min(int(self._lean(path) * len(schema["enum"])), len(schema["enum"]) - 1)]
        for choices in (schema.get("anyOf"), schema.get("oneOf")):
            if isinstance(choices, list) and choices:
                return self.value(_first_that_is_not_null(choices), (*path, path[-1]))
        kind = _type(schema)
        return getattr(self, f"_{kind}")(schema, path) if kind in _TYPES else None

    def _resolved(self, schema: Any) -> Schema:
        """The schema that a local `$ref` points at; pydantic writes enums and nested models so."""
        if not isinstance(schema, Mapping):
            return {}
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return schema
        found: Any = self._root
        for part in reference[2:].split("/"):
            found = found.get(part, {}) if isinstance(found, Mapping) else {}
        return found if isinstance(found, Mapping) and "$ref" not in found else {}

    def _lean(self, path: tuple[str, ...]) -> float:
        stray = (self._random.roll(*self._call, *path) - 0.5) * 2 * _JITTER
        return min(max(self._mood + stray, 0.0), 1.0)

    def _object(self, schema: Schema, path: tuple[str, ...]) -> dict[str, Any]:
        properties = schema.get("properties")
        fields = properties if isinstance(properties, Mapping) else {}
        return {name: self.value(part, (*path, str(name))) for name, part in fields.items()}

    def _array(self, schema: Schema, path: tuple[str, ...]) -> list[Any]:
        length = int(min(max(1, _bound(schema, "minItems", 1)), _LONGEST))
        return [self.value(schema.get("items"), (*path, str(index))) for index in range(length)]

    def _boolean(self, schema: Schema, path: tuple[str, ...]) -> bool:
        return self._lean(path) >= 0.5

    def _integer(self, schema: Schema, path: tuple[str, ...]) -> int:
        return round(self._number(schema, path))

    def _number(self, schema: Schema, path: tuple[str, ...]) -> float:
        low = _bound(schema, "minimum", _bound(schema, "exclusiveMinimum", -1) + 1)
        high = max(_bound(schema, "maximum", _bound(schema, "exclusiveMaximum", low + 11) - 1), low)
        return round(low + (high - low) * self._lean(path), 2)

    def _null(self, schema: Schema, path: tuple[str, ...]) -> None:
        return None

    def _string(self, schema: Schema, path: tuple[str, ...]) -> str:
        day = 1 + int(self._random.roll(*self._call, *path, "day") * 28)
        hour = 9 + int(self._random.roll(*self._call, *path, "hour") * 8)
        by_format = {
            "date-time": f"2026-06-{day:02}T{hour:02}:00:00Z",
            "date": f"2026-06-{day:02}",
            "time": f"{hour:02}:00:00Z",
            "email": "someone@example.org",
            "uri": "https://example.org/",
        }
        name = path[-1].lower()
        words = f"{hour:02}:00" if "time" in name else f"example of {name.replace('_', ' ')}"
        return by_format.get(str(schema.get("format")), words)


def _type(schema: Schema) -> str:
    kind = schema.get("type", "object" if "properties" in schema else "null")
    kinds = kind if isinstance(kind, list) else [kind]
    return next((str(one) for one in kinds if one != "null"), "null")


def _first_that_is_not_null(choices: list[Any]) -> Any:
    return next((one for one in choices if not (isinstance(one, Mapping) and one.get("type") == "null")), {})


def _bound(schema: Schema, name: str, default: float) -> float:
    value = schema.get(name)
    return value if isinstance(value, int | float) and abs(value) < _LARGEST else default
