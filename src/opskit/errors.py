"""Errors that say the name, the value, the rule and what to do."""

import difflib
from collections.abc import Iterable
from typing import Any


class OpskitError(ValueError):
    """Base of every error that opskit raises on purpose."""


class MissingTableError(OpskitError):
    """The dataset lacks a table that the page needs; the runner reports the page as skipped."""


class TooLittleDataError(OpskitError):
    """The data are sound, but too few for what the page does; the runner reports the page as skipped."""


def check(
    value: Any,
    name: str,
    *,
    gt: float | None = None,
    ge: float | None = None,
    lt: float | None = None,
    le: float | None = None,
    among: Iterable[Any] | None = None,
) -> None:
    """Refuse a value outside the stated bounds.

    Args:
        value: The argument to check.
        name: Its name, as the caller wrote it.
        gt: The value must be greater than this.
        ge: The value must be at least this.
        lt: The value must be less than this.
        le: The value must be at most this.
        among: The value must be one of these.

    Raises:
        OpskitError: Naming the value and the rule.

    >>> check(-3, "half_life_days", gt=0)
    Traceback (most recent call last):
    opskit.errors.OpskitError: half_life_days == -3, must be > 0.
    """
    if among is not None:
        options = list(among)
        if value not in options:
            listed = ", ".join(map(repr, options))
            hint = did_you_mean(str(value), map(str, options))
            raise OpskitError(f"{name} == {value!r}, must be one of {listed}.{hint}")
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise OpskitError(f"{name} == {value!r}, must be a number.")
    rules = (
        (gt, ">", lambda bound: value > bound),
        (ge, ">=", lambda bound: value >= bound),
        (lt, "<", lambda bound: value < bound),
        (le, "<=", lambda bound: value <= bound),
    )
    broken = [f"{sign} {bound}" for bound, sign, holds in rules if bound is not None and not holds(bound)]
    if broken:
        raise OpskitError(f"{name} == {value!r}, must be {' and '.join(broken)}.")


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """A closing hint that names the nearest option, or nothing.

    >>> did_you_mean("revenu", ["revenue", "customer_id"])
    " Did you mean 'revenue'?"
    """
    by_lower = {option.lower(): option for option in options}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f" Did you mean {by_lower[near[0]]!r}?" if near else ""
