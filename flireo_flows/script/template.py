"""Words with places for what a lead's row holds: `Hi {{ name }}, about your {{ product }}.`

The template language is Jinja's, reduced to what cannot go wrong: variables, `if`, comparisons and a few
filters. Without loops, calls, attributes and arithmetic there is no way to what Python has behind a value,
and a text cannot grow beyond its own length times that of its values.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from flireo_flows.api.redaction import redact
from flireo_flows.script.lead_facts import ComposeError, Variables

LONGEST_TEMPLATE: Final = 20_000  # characters
LONGEST_TEXT: Final = 10_000  # characters of what comes out, and of a variable's value
DEEPEST: Final = 40  # expressions and blocks within each other


class ScriptError(ValueError):
    """A script cannot be used: which part, which line, and what to do. Holds nothing of a lead."""


class _MissingVariableError(Exception):
    """A variable has no value, and the template needs one."""

    def __init__(self, variable: str) -> None:
        self.variable = variable
        super().__init__(variable)


class _TooLongError(Exception):
    """What comes out is longer than anyone would listen to."""


class _Strict(jinja2.StrictUndefined):
    """Whatever is done with a missing variable, beside testing it and giving it a default, names it."""

    __slots__ = ()

    def _fail_with_undefined_error(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise _MissingVariableError(self._undefined_name or "")

    __iter__ = __str__ = __len__ = __eq__ = __ne__ = __bool__ = __hash__ = _fail_with_undefined_error
    __contains__ = __lt__ = __le__ = __gt__ = __ge__ = _fail_with_undefined_error


def _first_word(value: object) -> str:
    return next(iter(str(value).split()), "")


def _replace(value: object, old: str, new: str) -> str:
    text = str(value)
    if len(text) + text.count(old) * len(new) > LONGEST_TEXT:
        raise _TooLongError
    return text.replace(old, new)


# Of Jinja's own only what keeps a text a text of about its length. `int` and `float` are missing on purpose:
# they make 0 of what they cannot read, and the agent would say so.
FILTERS: Final = tuple(
    ["capitalize", "d", "default", "first_word", "lower", "replace", "title", "trim", "upper", "urlencode"]
)
# They return what they were given: `{% if vip|default(false) %}` puts nothing into the text.
PASSING_ON: Final = ("d", "default")
JOINED: Final = " joined"  # what a part of a ~ b goes through; with a space, so that no template can name it
TESTS: Final = ("defined", "undefined")

_ALLOWED: Final = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.Filter,
    nodes.Test,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Concat,
    nodes.CondExpr,
    nodes.If,
)
_CALLED: Final[Mapping[str, tuple[type[nodes.Node], ...]]] = {
    "a loop (for)": (nodes.For,),
    "a call with ( )": (nodes.Call,),
    "an attribute with a dot": (nodes.Getattr,),
    "an item with [ ]": (nodes.Getitem,),
    "set": (nodes.Assign, nodes.AssignBlock),
    "a macro": (nodes.Macro,),
    "include": (nodes.Include,),
    "import": (nodes.Import, nodes.FromImport),
    "extends": (nodes.Extends,),
    "a block": (nodes.Block,),
    "arithmetic": (nodes.BinExpr, nodes.UnaryExpr),
    "a list outside of 'in'": (nodes.List, nodes.Tuple),
    "a dictionary": (nodes.Dict,),
    "a named argument": (nodes.Keyword,),
}


def _spoken(value: object) -> object:
    if value is None or isinstance(value, bool):
        raise TypeError("True, False and None are nothing to say")
    return value


def _of_words(filter_: Callable[..., object]) -> Callable[..., object]:
    """A filter that makes no text of what is none: `True` in capitals would be one."""

    def checked(value: object, *arguments: object) -> object:
        return filter_(_spoken(value), *arguments)

    return checked


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(undefined=_Strict, autoescape=False, finalize=_spoken)
    environment.globals.clear()
    known = {name: environment.filters[name] for name in FILTERS if name != "first_word"}
    known |= {"first_word": _first_word, "replace": _replace}
    environment.filters.clear()
    for name, filter_ in known.items():
        environment.filters[name] = filter_ if name in PASSING_ON else _of_words(filter_)
    environment.filters[JOINED] = _spoken
    return environment


_ENVIRONMENT: Final = _environment()


@dataclass(frozen=True, slots=True)
class Template:
    """A template that was found usable.

    Attributes:
        what: What it is, for errors: `first_message`, or `variant 'b', system_message`.
        variables: The variables it may need, and the first line of each.
    """

    what: str
    variables: Mapping[str, int]
    _compiled: jinja2.Template = field(repr=False)

    @classmethod
    def read(cls, text: str, what: str) -> "Template":
        """Read a template.

        Raises:
            ScriptError: It is no template, or does more than a template may.
        """
        if len(text) > LONGEST_TEMPLATE:
            raise ScriptError(
                f"{what}: {len(text):,} characters are too many; {LONGEST_TEMPLATE:,} are allowed"
            )
        variables: dict[str, int] = {}
        tree = _parsed(text, what)
        for node in _walk(tree, what):
            _refuse(node, what)
            if isinstance(node, nodes.Name):
                variables.setdefault(node.name, node.lineno)
        return cls(what, variables, _compiled(tree, what))

    def render(self, offered: Variables) -> str:
        """The words for one lead. A variable without a value is an error, unless it is given a default.

        Raises:
            ComposeError: Names the template, the line and the variable, and no value.
        """
        used = {name: offered.values[name] for name in self.variables if name in offered.values}
        for name, value in used.items():
            if len(value) > LONGEST_TEXT:
                raise self._refusal(name, f"holds more than {LONGEST_TEXT:,} characters")
        try:
            return _bounded(self._compiled.generate(used))
        except _MissingVariableError as missing:
            raise self._refusal(missing.variable, offered.why_missing(missing.variable)) from None
        except _TooLongError:
            raise ComposeError(f"{self.what}: more than {LONGEST_TEXT:,} characters came out") from None
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError):
            # Its own words may quote a value, which may be someone's number.
            raise ComposeError(f"{self.what}: it says or compares what is no text") from None

    def _refusal(self, variable: str, problem: str) -> ComposeError:
        line = self.variables.get(variable, 1)
        return ComposeError(f"{self.what}, line {line}: the variable {redact(variable)!r} {problem}")


def is_template(text: str) -> bool:
    """Whether anything in the text is to be filled in."""
    return any(mark in text for mark in ("{{", "{%", "{#"))


def _bounded(pieces: Iterator[str]) -> str:
    words, length = [], 0
    for piece in pieces:
        length += len(piece)
        if length > LONGEST_TEXT:
            raise _TooLongError
        words.append(piece)
    return "".join(words)


def _parsed(text: str, what: str) -> nodes.Template:
    try:
        return _ENVIRONMENT.parse(text)
    except jinja2.TemplateSyntaxError as error:
        problem = redact(error.message or "this is no template").rstrip(".")
        raise ScriptError(f"{what}, line {error.lineno}: {problem}") from None
    except (RecursionError, ValueError, OverflowError):  # brackets without end, figures without end
        raise ScriptError(f"{what}: it is nested too deeply, or holds too long a figure") from None


def _compiled(tree: nodes.Template, what: str) -> jinja2.Template:
    for joined in tree.find_all(nodes.Concat):
        joined.nodes = [_as_joined(part) for part in joined.nodes]
    try:
        return _ENVIRONMENT.from_string(tree)
    except (jinja2.TemplateError, SyntaxError, RecursionError, ValueError, MemoryError, OverflowError):
        raise ScriptError(f"{what}: it cannot be read as a template; write it more simply") from None


def _as_joined(part: nodes.Expr) -> nodes.Expr:
    """A part of a ~ b, so that it fails where it is no text: `name ~ none` would say `AnnaNone`."""
    return nodes.Filter(part, JOINED, [], [], None, None, lineno=part.lineno, environment=_ENVIRONMENT)


def _walk(root: nodes.Node, what: str) -> Iterator[nodes.Node]:
    """Every node, without recursion: what is walked here may be nested without end."""
    waiting = [(root, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > DEEPEST:
            raise ScriptError(
                f"{what}, line {node.lineno or 1}: it is nested too deeply; write it more simply"
            )
        yield node
        waiting.extend((child, depth + 1) for child in reversed(list(_children(node))))


def _children(node: nodes.Node) -> Iterable[nodes.Node]:
    # A list may stand behind `in`, and nowhere else: spoken, it would have brackets and quotation marks.
    if isinstance(node, nodes.Operand) and isinstance(node.expr, nodes.List | nodes.Tuple):
        return node.expr.items if node.op in ("in", "notin") else [node.expr]
    return node.iter_child_nodes()


def _refuse(node: nodes.Node, what: str) -> None:
    """Raise for what a template may not do."""
    where = f"{what}, line {node.lineno or 1}"
    if not isinstance(node, _ALLOWED):
        named = next((name for name, kinds in _CALLED.items() if isinstance(node, kinds)), "this")
        raise ScriptError(f"{where}: {named} is not allowed; use variables, if, and filters")
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        raise ScriptError(f"{where}: there is no filter {node.name!r}; there are {', '.join(FILTERS)}")
    if isinstance(node, nodes.Filter) and (node.node is None or node.dyn_args or node.dyn_kwargs):
        raise ScriptError(f"{where}: the filter {node.name!r} is used in a way that is not allowed")
    if isinstance(node, nodes.Filter) and node.name not in ("default", "d"):
        _refuse_arguments(node, where)
    if isinstance(node, nodes.Test) and node.name not in TESTS:
        raise ScriptError(f"{where}: there is no test {node.name!r}; there are {', '.join(TESTS)}")
    if isinstance(node, nodes.CondExpr) and node.expr2 is None:
        raise ScriptError(f"{where}: say what comes otherwise: '... if ... else ...'")
    if isinstance(node, nodes.Name) and (node.ctx != "load" or node.name == "self"):
        raise ScriptError(f"{where}: {node.name!r} is no variable")


def _refuse_arguments(node: nodes.Filter, where: str) -> None:
    wanted = 2 if node.name == "replace" else 0
    texts = [arg for arg in node.args if isinstance(arg, nodes.Const) and isinstance(arg.value, str)]
    if node.kwargs or len(node.args) != wanted or len(texts) != wanted:
        words = "two texts in quotation marks" if wanted else "nothing in brackets"
        raise ScriptError(f"{where}: the filter {node.name!r} takes {words}")
