"""Kano: what a feature does when it is there, and what its absence does."""

from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames, stats
from opskit.errors import check
from opskit.target_users.needs import answers
from opskit.target_users.needs.answers import SILENT, TWICE, USED
from opskit.target_users.needs.words import DISLIKE, EXPECT, KANO, LIKE, LIVE_WITH, NEUTRAL, as_kano

if TYPE_CHECKING:
    import pandas as pd

MUST_BE, PERFORMANCE, ATTRACTIVE, INDIFFERENT, REVERSE, QUESTIONABLE = CLASSES = (
    "must-be",
    "performance",
    "attractive",
    "indifferent",
    "reverse",
    "questionable",
)
"""Kano's classes; of the first four, the earlier one goes first where two are named equally often."""
_LETTER = dict(zip("MOAIRQ", CLASSES, strict=True))
TABLE = {
    functional: {other: _LETTER[letter] for other, letter in zip(KANO, letters, strict=True)}
    for functional, letters in zip(KANO, ("QAAAO", "RIIIM", "RIIIM", "RIIIM", "RRRRQ"), strict=True)
}
"""Class by the answer to the functional question, then to the dysfunctional one."""
FUNCTIONAL = {LIKE: 4.0, EXPECT: 2.0, NEUTRAL: 0.0, LIVE_WITH: -1.0, DISLIKE: -2.0}
DYSFUNCTIONAL = {LIKE: -2.0, EXPECT: -1.0, NEUTRAL: 0.0, LIVE_WITH: 2.0, DISLIKE: 4.0}
MIDDLE = 2.0  # of the half of the scale that means anything, 0 to 4
_UNREADABLE, _HALF = "an answer unreadable", "one of the two questions missing"


class Kano(NamedTuple):
    """Features by Kano's model."""

    classes: "pd.DataFrame"  # feature, class, clear, mode, second, p, better, …, worse, …, n
    shares: "pd.DataFrame"  # feature, class, answers, share, low, high, n
    scale: "pd.DataFrame"  # feature, functional, …, dysfunctional, …, class, clear, n
    answers: "pd.DataFrame"  # status, answers (a respondent and a feature), share
    survey: str


def kano(surveys: Any, *, survey: str = "", like: int = 5, confidence: float = 0.95) -> Kano:
    """Class of each feature, by counting and by averaging.

    Args:
        surveys: Any engine's frame with respondent_id, survey, question (``functional``: how is it with the feature,
            ``dysfunctional``: how is it without), item (the feature) and answer (like, expect, neutral, live with,
            dislike, in English or Chinese, or 1 to 5).
        survey: Name of the survey; empty: the only one that asks both.
        like: The number that stands for liking where answers are numbers: 5 or 1.
        confidence: Coverage of the intervals, between 0 and 1; two classes are told apart at one less of it.

    Returns:
        ``classes``: per feature mode and second (the classes named most), p (of a split as uneven as theirs by chance, exact), clear
        (whether p is small), class (the mode where it is clear; else, of all classes that cannot be told from it, the
        first of must-be, performance, attractive, indifferent), better (share of those for whom it is must-be,
        performance, attractive or indifferent whom it makes satisfied) and worse (whom its absence makes dissatisfied,
        negative) with intervals, n. ``shares``: answers of every class, with Wilson intervals. ``scale``: mean functional and
        dysfunctional score from -2 to 4 with t intervals, the class of the quarter they lie in, and clear (whether the
        intervals stay in it). ``answers``: respondents times features by what became of them.

    Raises:
        MissingTableError: No survey asks both.
        OpskitError: Several do, or an option is out of range.
        TooLittleDataError: Fewer than 10 answers can be used.

    Assumes that respondents are independent. Questionable answers (liking it with and without, or neither) count in
    mode and means: many of them mean that the question was not understood.

    Source: Kano, Seraku, Takahashi & Tsuji (1984); Berger et al. (1993), "Kano's methods for understanding
        customer-defined quality", for table, better and worse; DuMouchel (1993), there, for the scale.

    >>> import pandas as pd
    >>> said = {"functional": "expect", "dysfunctional": "dislike"}
    >>> rows = [(person, "k", question, "wipes", answer) for person in range(12) for question, answer in said.items()]
    >>> found = kano(pd.DataFrame(rows, columns=["respondent_id", "survey", "question", "item", "answer"]))
    >>> found.classes[["feature", "class", "clear", "better", "worse", "n"]].values.tolist()
    [['wipes', 'must-be', True, 0.0, -1.0, 12]]
    """
    check(confidence, "confidence", gt=0, lt=1)
    check(like, "like", among=(1, 5))
    rows, name = answers.rows(surveys, ["functional", "dysfunctional"], survey=survey)
    pairs = frames.collect(_pairs(rows))
    for question in ("functional", "dysfunctional"):
        pairs[question] = [
            text if text is None or text != text else as_kano(text, like=like) or "?" for text in pairs[question]
        ]
    status = _status(pairs)
    told = answers.account(status, pairs["n"].tolist(), [SILENT, TWICE, _UNREADABLE, _HALF])
    answers.enough(told, "the two questions about each feature")
    used = pairs[[one == USED for one in status]]
    used = used.groupby(["item", "functional", "dysfunctional"])[["n"]].sum().reset_index()
    used["class"] = [TABLE[f][d] for f, d in zip(used["functional"], used["dysfunctional"], strict=True)]
    told = told.rename(columns={"respondents": "answers"})
    return Kano(_classes(used, confidence), _shares(used, confidence), _scale(used, confidence), told, name)


def _pairs(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """How often each pair of answers was given to a feature."""
    own = [
        nw.when(nw.col("question") == question).then(nw.col("answer")).alias(question)
        for question in ("functional", "dysfunctional")
    ]
    each = rows.with_columns(*own).group_by("respondent_id", "item")
    both = each.agg(
        nw.col("functional").max(),
        nw.col("dysfunctional").max(),
        nw.col("functional").count().alias("_with"),
        nw.col("dysfunctional").count().alias("_without"),
    )
    times = nw.max_horizontal(nw.col("_with").cast(nw.Int64), nw.col("_without").cast(nw.Int64)).alias("times")
    by = ("item", "functional", "dysfunctional", "times")
    return both.with_columns(times).group_by(*by).agg(nw.len().alias("n")).sort(*by)


def _status(pairs: "pd.DataFrame") -> list[str]:
    import numpy as np

    asked = pairs[["functional", "dysfunctional"]]
    conditions = [asked.isna().all(axis=1), pairs["times"] > 1, (asked == "?").any(axis=1), asked.isna().any(axis=1)]
    return np.select(conditions, [SILENT, TWICE, _UNREADABLE, _HALF], default=USED).tolist()


def _shares(used: "pd.DataFrame", confidence: float) -> "pd.DataFrame":
    import pandas as pd

    counts = used.groupby(["item", "class"])["n"].sum().unstack(fill_value=0).reindex(columns=CLASSES, fill_value=0)
    table = counts.stack().reset_index().set_axis(["feature", "class", "answers"], axis=1)
    table["n"] = table.groupby("feature")["answers"].transform("sum")
    table["share"] = table["answers"] / table["n"]
    table["low"], table["high"] = stats.wilson(table["answers"], table["n"], confidence=confidence)
    order = pd.Categorical(table["class"], CLASSES)
    table = table.assign(order=order).sort_values(["feature", "order"], ignore_index=True)
    return table[["feature", "class", "answers", "share", "low", "high", "n"]]


def _classes(used: "pd.DataFrame", confidence: float) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd
    from scipy.special import bdtr

    rows: list[dict[str, Any]] = []
    for feature, part in used.groupby("item"):
        counts = part.groupby("class")["n"].sum().reindex(CLASSES, fill_value=0)
        named = counts.sort_values(ascending=False, kind="stable")
        mode, second = named.index[:2]
        less = named.iloc[1:]  # the binomial at one half is symmetric: both tails are twice the lower one
        apart = dict(zip(less.index, np.minimum(1, 2 * bdtr(less, less + named.iloc[0], 0.5)).tolist(), strict=True))
        alike = [mode, *(str(name) for name, p in apart.items() if p > 1 - confidence)]
        choice = next(name for name in CLASSES if name in alike)
        row = {"feature": feature, "class": choice, "clear": len(alike) == 1, "mode": mode, "second": second}
        rows.append({**row, "p": apart[str(second)], **_effects(counts, confidence), "n": int(counts.sum())})
    return pd.DataFrame(rows)


def _effects(counts: "pd.Series[int]", confidence: float) -> dict[str, float]:
    """Better and worse, with intervals."""
    n = int(counts[[MUST_BE, PERFORMANCE, ATTRACTIVE, INDIFFERENT]].sum())
    found: dict[str, float] = {}
    for name, kinds, sign in (("better", (ATTRACTIVE, PERFORMANCE), 1), ("worse", (MUST_BE, PERFORMANCE), -1)):
        some = int(counts[list(kinds)].sum())
        ends = sorted(sign * float(bound[0]) + 0.0 for bound in stats.wilson([some], [n], confidence=confidence))
        share = sign * some / n if n else float("nan")
        found |= {name: share + 0.0, f"{name}_low": ends[0], f"{name}_high": ends[1], f"{name}_n": n}
    return found


def _scale(used: "pd.DataFrame", confidence: float) -> "pd.DataFrame":
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for feature, part in used.groupby("item"):
        times = part["n"].to_numpy()
        with_it, without = (
            answers.mean(part[name].map(values).to_numpy(), times, confidence=confidence)
            for name, values in (("functional", FUNCTIONAL), ("dysfunctional", DYSFUNCTIONAL))
        )
        ends = [[end if end == end else numbers[0] for end in numbers[1:]] for numbers in (with_it, without)]
        corners = {_quarter(one, other) for one in ends[0] for other in ends[1]}
        row: dict[str, Any] = {"feature": feature}
        for name, numbers in (("functional", with_it), ("dysfunctional", without)):
            row |= dict(zip((name, f"{name}_low", f"{name}_high"), numbers, strict=True))
        kind = _quarter(with_it[0], without[0])
        rows.append({**row, "class": kind, "clear": len(corners) == 1, "n": int(times.sum())})
    return pd.DataFrame(rows)


def _quarter(functional: float, dysfunctional: float) -> str:
    """Class by the means; below 0 on both scales people would rather do without."""
    if max(functional, dysfunctional) < 0:
        return REVERSE
    if dysfunctional >= MIDDLE:
        return PERFORMANCE if functional >= MIDDLE else MUST_BE
    return ATTRACTIVE if functional >= MIDDLE else INDIFFERENT
