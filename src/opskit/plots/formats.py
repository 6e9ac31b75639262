"""Numbers as a reader meets them: three significant digits, and a dash where there is nothing to show."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axis import Axis

NOTHING = "–"
_STEPS = ((1e9, "B"), (1e6, "M"), (1e3, "k"))


def percent(share: float) -> str:
    """A share as a percentage.

    >>> percent(0.1234), percent(0.005), percent(-1), percent(float("nan"))
    ('12.3%', '0.5%', '−100%', '–')
    """
    if not math.isfinite(share):
        return NOTHING
    return f"{_three_digits(100 * share)}%"


def number(value: float) -> str:
    """A number with k, M or B for thousands, millions and billions.

    >>> number(999), number(12345), number(-4.5e6), number(0.1234), number(float("nan"))
    ('999', '12.3k', '−4.5M', '0.123', '–')
    """
    if not math.isfinite(value):
        return NOTHING
    for step, letter in _STEPS:
        # 999.6 thousand would otherwise show as 1000k.
        if abs(value) >= 0.9995 * step:
            return f"{_three_digits(value / step)}{letter}"
    return _three_digits(value)


def money(value: float, currency: str = "") -> str:
    """An amount of money, with its currency code in front where it is known.

    >>> money(12345, "CNY"), money(-0.5)
    ('CNY 12.3k', '−0.5')
    """
    return f"{currency} {number(value)}".strip() if math.isfinite(value) else NOTHING


def format_axis(axis: "Axis", text: Callable[[float], str]) -> None:
    """Write an axis' tick labels with one of these formats.

    Args:
        axis: ``ax.xaxis`` or ``ax.yaxis``.
        text: ``percent``, ``number``, or ``functools.partial(money, currency="CNY")``.
    """
    from matplotlib.ticker import FuncFormatter

    # Tick positions carry rounding residue: 0 may arrive as 1e-17.
    axis.set_major_formatter(FuncFormatter(lambda value, _position: text(round(value, 12))))


def _three_digits(value: float) -> str:
    plain = f"{value:.0f}" if abs(value) >= 99.95 else f"{value:.3g}"
    return plain.replace("-", "−") if float(plain) else "0"
