"""Conditions of a profile: read from its tables, and asked of what a machine shows. True, False, or None: unknown."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from .profile import COUNTED, NEVER, Check, Condition, Scalar, Signal, Words
from .values import PLACEHOLDER, Unfit, filled, fitting

# What a signal shows; None where that is not known.
Shows = Callable[[str], Scalar | None]


def asked(condition: Condition, shows: Shows, words: Words) -> bool | None:
    """Whether it holds; None where too little is known to say."""
    answers = [_all(tests, shows, words) for tests in condition.any_of]
    return True if True in answers else None if None in answers else False


def _all(tests: tuple[Check, ...], shows: Shows, words: Words) -> bool | None:
    answers = [_one(test, shows, words) for test in tests]
    return False if False in answers else None if None in answers else True


def _one(test: Check, shows: Shows, words: Words) -> bool | None:
    value = shows(test.signal)
    if value is None:
        return None
    try:
        wanted = [filled(each, words) if isinstance(each, str) else each for each in test.values]
    except KeyError:
        # It speaks of work, and there is none.
        return None
    # True is not 1 here.
    return test.negated is not any(each == value and type(each) is type(value) for each in wanted)


def lacking(condition: Condition, shows: Shows, words: Words) -> Iterator[str]:
    """What of the first way to hold does not, one sentence each."""
    for test in condition.any_of[0] if condition.any_of else ():
        if not _one(test, shows, words):
            yield _sentence(test, shows)


def _sentence(test: Check, shows: Shows) -> str:
    if test.signal == COUNTED:
        return "its count of ended programs has not gone up by one"
    value, wanted = shows(test.signal), " or ".join(str(each) for each in test.values)
    shown = "not known" if value is None else str(value)
    return f"its {test.signal} is {shown}, not {'other than ' * test.negated}{wanted}"


# ---- from a table ------------------------------------------------------------------------------------------------


def condition_of(table: Any, signals: Mapping[str, Signal], absent: Collection[str], *, whole: bool) -> Condition:
    """A condition from its table. Tests of `absent` signals are left out; `whole`: with them their whole list.

    Raises Unfit with the first mistake.
    """
    if table is None:
        return NEVER
    lists = table if isinstance(table, list | tuple) else [table]
    any_of = []
    for tests in lists:
        if not isinstance(tests, Mapping) or not tests:
            raise Unfit(f"must be {{signal = value}} or a list of these; found {tests!r}")
        known = {name: value for name, value in tests.items() if name not in absent}
        if known and (len(known) == len(tests) or not whole):
            any_of.append(tuple(_test(name, value, signals) for name, value in known.items()))
    return Condition(tuple(any_of))


def _test(name: str, value: Any, signals: Mapping[str, Signal]) -> Check:
    negated = isinstance(value, Mapping)
    if isinstance(value, Mapping):
        if set(value) != {"not"}:
            raise Unfit(f"{name} must be a value, a list of values or {{not = ...}}; found {value!r}")
        value = value["not"]
    values = tuple(value) if isinstance(value, list | tuple) else (value,)
    if name == COUNTED:
        if values not in ((True,), (False,)):
            raise Unfit(f"{COUNTED} is true or false; found {value!r}")
    elif name not in signals:
        raise Unfit(f"there is no signal {name}; there are: {', '.join(signals)}, and {COUNTED}")
    else:
        values = tuple(_possible(signals[name], each) for each in values)
    return Check(name, values, negated)


def _possible(signal: Signal, value: Any) -> Scalar:
    """A value that the signal can show. Raises Unfit."""
    if not isinstance(value, bool | int | float | str):
        raise Unfit(f"{signal.name} cannot be {value!r}")
    if isinstance(value, str) and PLACEHOLDER.search(value):
        return value
    if signal.names:
        if value not in signal.names.values():
            raise Unfit(f"{signal.name} is one of: {', '.join(signal.names.values())}; found {value!r}")
        return value
    if signal.bit is not None:
        fitting(value, "Boolean")
        return value
    if signal.picks:
        return value
    try:
        possible: Scalar = fitting(value, signal.type)
    except Unfit as unfit:
        raise Unfit(f"{signal.name}: {unfit}") from None
    return possible
