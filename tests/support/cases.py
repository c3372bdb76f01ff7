"""Many small cases of one test: what it takes to begin and to report a test is paid once, not for each case."""

import inspect
from collections.abc import Callable, Collection, Iterable
from functools import wraps
from typing import Any

import pytest

Body = Callable[..., None]


def every(
    names: str | Collection[str],
    values: Iterable[Any],
    ids: Iterable[str] | Callable[[Any], str] | None = None,
) -> Callable[[Body], Body]:
    """As `pytest.mark.parametrize`, but in one test: all cases run, and each one that fails is named.

    The cases share the fixtures of the test, so that it is for cases which leave nothing behind. It may stand
    above another `every`, and below `parametrize`.

    Args:
        names: The name of an argument, or the names of several.
        values: A value for each case; a tuple of them if there are several names.
        ids: What to call the cases if one fails, or what makes a name of a value; the values themselves otherwise.
    """
    is_one = isinstance(names, str)
    arguments = [names] if isinstance(names, str) else list(names)
    cases = [(value,) if is_one else tuple(value) for value in values]
    called = [", ".join(map(ids if callable(ids) else repr, case)) for case in cases]
    if ids is not None and not callable(ids):
        called = list(ids)

    def decorate(body: Body) -> Body:
        @wraps(body)
        def loop(*args: Any, **others: Any) -> None:
            failed = []
            for case, name in zip(cases, called, strict=True):
                try:
                    body(*args, **others, **dict(zip(arguments, case, strict=True)))
                except (Exception, pytest.fail.Exception) as error:
                    failed.append(_named(error, name))
            _tell(failed, len(cases))

        assert cases, "a test of no cases says nothing"
        loop.__signature__ = _without(inspect.signature(body), arguments)  # type: ignore[attr-defined]
        return loop

    return decorate


def _named(error: BaseException, name: str) -> Exception:
    """The error of a case; what pytest raises itself is no ordinary exception, and a group takes none but those."""
    ordinary = (
        error
        if isinstance(error, Exception)
        else AssertionError(str(error)).with_traceback(error.__traceback__)
    )
    ordinary.add_note(f"the case: {name}")
    return ordinary


def _tell(failed: Collection[Exception], cases: int) -> None:
    if failed:
        names = "\n".join(error.__notes__[-1] for error in failed)
        raise ExceptionGroup(f"{len(failed)} of {cases} cases failed:\n{names}\n", list(failed))


def _without(signature: inspect.Signature, names: Collection[str]) -> inspect.Signature:
    kept = [it for name, it in signature.parameters.items() if name not in names]
    assert len(kept) == len(signature.parameters) - len(names), f"{names} are not all arguments of the test"
    return signature.replace(parameters=kept)
