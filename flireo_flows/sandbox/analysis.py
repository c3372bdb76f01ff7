"""The typed result of a call: values that fit the agent's JSON Schema and tell one story.

A call has a mood from 0 to 1. Numbers lie that far along their range, enums that far down their list,
booleans are true when the mood is good: so an analysis of a good call is good in all of its fields.
`pattern`, `multipleOf` and lengths are not looked at.
"""

from collections.abc import Mapping
from typing import Any

from flireo_flows.sandbox.seeded_random import Dice

Schema = Mapping[str, Any]

_JITTER = 0.3  # how far one field may stray from the mood of the call
_DEEPEST = 8  # levels; a schema may refer to itself
_LONGEST = 100  # items of an array
_MOST = 10_000  # values of one analysis; a schema that refers to itself would have more than fit anywhere
_LARGEST = 1e15  # a bound beyond it, or one that is no number, is none
_TYPES = frozenset({"object", "array", "boolean", "integer", "number", "null", "string"})


def analysis_of(schema: Schema, mood: float, dice: Dice, *call: object) -> dict[str, Any]:
    """An analysis shaped by a schema.

    Args:
        schema: JSON Schema of an object.
        mood: From 0 to 1.
        dice: Follows from the seed.
        call: What tells this call from others; the same call gives the same analysis.
    """
    value = _Writer(schema, mood, dice, call).value(schema, ("analysis",))
    return value if isinstance(value, dict) else {}


class _Writer:
    def __init__(self, root: Schema, mood: float, dice: Dice, call: tuple[object, ...]) -> None:
        self._root, self._mood, self._dice, self._call = root, mood, dice, call
        self._left = _MOST

    def value(self, schema: Any, path: tuple[str, ...]) -> Any:
        """A value for the schema at a path; None where the schema does not say, or goes too deep."""
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
        stray = (self._dice.roll(*self._call, *path) - 0.5) * 2 * _JITTER
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
        day = 1 + int(self._dice.roll(*self._call, *path, "day") * 28)
        hour = 9 + int(self._dice.roll(*self._call, *path, "hour") * 8)
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
