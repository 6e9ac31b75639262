"""What stands beside the worths: simpler readings of the same answers, segments, and whether the model fits."""

from typing import TYPE_CHECKING, Any

from opskit import stats
from opskit.errors import TooLittleDataError, check
from opskit.target_users.needs import answers
from opskit.target_users.needs.choices import Choices
from opskit.target_users.needs.words import as_grade
from opskit.target_users.needs.worth import Worths, fit, worths

if TYPE_CHECKING:
    import pandas as pd

FEWEST_IN_SEGMENT = 30
_SHUFFLES = 999


def ratings(surveys: Any, *, survey: str = "", confidence: float = 0.95) -> "pd.DataFrame":
    """Mean importance of each need where every need is rated by itself, the naive question.

    Args:
        surveys: Any engine's frame with respondent_id, survey, question (``importance``), item and answer (a number).
        survey: Name of the survey; empty: the only one that asks for importance.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        need, mean, low, high (in points of the scale), n; the highest first. Respondents who answered twice or
        unreadably are left out.

    Raises:
        MissingTableError: No survey asks for importance.
        OpskitError: Several do.
    """
    import pandas as pd

    rows, name = answers.rows(surveys, ["importance"], survey=survey)
    asked = answers.patterns(answers.segmented(rows, "", None), name)
    once = asked.patterns[asked.patterns["times"] <= 1]
    found: list[tuple[Any, ...]] = []
    for need in asked.items:
        grade = once[need].map(as_grade, na_action="ignore").astype(float)
        grade, times = grade[grade.notna()].to_numpy(), once.loc[grade.notna(), "n"].to_numpy()
        if len(times):
            found.append((need, *answers.mean(grade, times, confidence=confidence), int(times.sum())))
    table = pd.DataFrame(found, columns=["need", "mean", "low", "high", "n"])
    return table.sort_values("mean", ascending=False, kind="stable", ignore_index=True)


def first_places(choices: Choices, *, confidence: float = 0.95) -> "pd.DataFrame":
    """How often each need was put first by those who could choose among all of them.

    Args:
        choices: Of `rankings`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        need, share, low, high (Wilson), n. Where the model holds, the share is the worth but for chance: all further
        places are left out here. Without rows for paired comparisons.
    """
    import numpy as np
    import pandas as pd

    whole = choices.offered.all(axis=1)
    times = np.bincount(
        choices.chosen[whole], weights=choices.times[choices.answer[whole]], minlength=len(choices.needs)
    )
    n = int(times.sum())
    low, high = stats.wilson(times, [n] * len(times), confidence=confidence)
    table = pd.DataFrame({"need": choices.needs, "share": times / max(n, 1), "low": low, "high": high, "n": n})
    return table if n and len(choices.needs) > 2 else table.head(0)


def readings(found: Worths, *, confidence: float = 0.95) -> "pd.DataFrame":
    """The worths beside what other readings of the same answers give.

    Args:
        found: Of `worths`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        need, worth, low, high; first_share, first_low, first_high (first places alone); later_worth (from all choices but the
        first; missing where there are none); model_width (width of the interval of the model over that of the page, below 1 where tastes
        differ more than the model allows).
    """
    import numpy as np
    from scipy.special import softmax

    table = found.table[["need", "worth", "low", "high"]].set_index("need")
    first = first_places(found.choices, confidence=confidence).set_index("need").reindex(table.index)
    table[["first_share", "first_low", "first_high"]] = first[["share", "low", "high"]]
    choices = found.choices
    later = ~choices.offered.all(axis=1)
    table["later_worth"] = np.nan
    if later.sum() > len(choices.needs) and np.unique(choices.chosen[later]).size == len(choices.needs):
        parts = {name: getattr(choices, name)[later] for name in ("offered", "chosen", "weight", "answer")}
        table["later_worth"] = dict(zip(choices.needs, softmax(fit(choices._replace(**parts)).log_worth), strict=True))
    of_model = worths(choices, robust=False, confidence=confidence).table.set_index("need").loc[table.index]
    table["model_width"] = (of_model["high"] - of_model["low"]) / (table["high"] - table["low"])
    return table.reset_index()


def by_segment(
    choices: Choices, *, fewest: int = FEWEST_IN_SEGMENT, confidence: float = 0.95, seed: int = 7
) -> "tuple[pd.DataFrame, pd.DataFrame]":
    """Worths in each segment with enough respondents, and whether segments differ beyond chance.

    Args:
        choices: Of `rankings` or `comparisons`, with a segment.
        fewest: Respondents that a segment needs.
        confidence: Coverage of the intervals, between 0 and 1.
        seed: Of the shuffles.

    Returns:
        A table of need, segment, worth, low, high, n (respondents of the segment; without bounds for a need that nobody there
        preferred to any, missing where one was always preferred or all order alike), and one of segments (how many were
        compared), n, statistic, p: how often segments given to respondents by lot differ as much (999 shuffles). Both are
        empty with fewer than two segments.

    Raises:
        OpskitError: An option is out of range.

    Assumes respondents are independent. The statistic sums, over segments, how far the pulls of their answers on the
    common worths lie from none (a score test); shuffling makes no use of the model.
    """
    import numpy as np
    import pandas as pd

    check(fewest, "fewest", ge=2)
    known = np.array([segment is not None for segment in choices.segment])
    names, place = np.unique(choices.segment[known].astype(str), return_inverse=True)
    sizes = np.bincount(place, weights=choices.times[known], minlength=len(names))
    enough = [name for name, size in zip(names, sizes, strict=True) if size >= fewest]
    empty = pd.DataFrame(columns=["need", "segment", "worth", "low", "high", "n"])
    if len(enough) < 2:
        return empty, pd.DataFrame(columns=["segments", "n", "statistic", "p"])
    parts: list[pd.DataFrame] = []
    for name in enough:
        some = _part(choices, choices.segment == name)
        parts.append(_segment(some, confidence, seed).assign(segment=name, n=some.n))
    table = pd.concat(parts, ignore_index=True)[list(empty.columns)]
    return table, _differ(_part(choices, np.isin(choices.segment.astype(str), enough) & known), seed)


def _segment(choices: Choices, confidence: float, seed: int) -> "pd.DataFrame":
    """Worths of all needs in one segment; 0 without bounds for one never preferred there, missing where none can be had."""
    import pandas as pd

    missing = pd.DataFrame({"need": choices.needs, "worth": float("nan"), "low": float("nan"), "high": float("nan")})
    try:
        found = worths(choices, confidence=confidence, seed=seed)
    except TooLittleDataError:
        return missing
    if found.unbounded["why"].str.startswith("always").any():
        return missing
    never = missing[missing["need"].isin(found.unbounded["need"])].assign(worth=0.0)
    return pd.concat([found.table[["need", "worth", "low", "high"]], never], ignore_index=True)


def _part(choices: Choices, answers_kept: Any) -> Choices:
    kept = answers_kept[choices.answer]
    place = answers_kept.cumsum() - 1
    return choices._replace(
        offered=choices.offered[kept],
        chosen=choices.chosen[kept],
        weight=choices.weight[kept],
        answer=place[choices.answer[kept]],
        times=choices.times[answers_kept],
        segment=choices.segment[answers_kept],
    )


def _differ(choices: Choices, seed: int) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    times = choices.times.astype(int)
    scores = np.repeat(fit(choices).scores, times, axis=0)
    names, place = np.unique(np.repeat(choices.segment.astype(str), times), return_inverse=True)
    scores = scores[place.argsort(kind="stable")]  # one segment after the other
    inverse = np.linalg.pinv(scores.T @ scores / len(scores), rcond=1e-9, hermitian=True)
    sizes = np.bincount(place)
    starts = np.concatenate([[0], sizes.cumsum()[:-1]])

    def statistic(pulls: Any) -> float:
        sums = np.add.reduceat(pulls, starts)
        return float(((sums @ inverse) * sums).sum(axis=1) @ (1 / sizes))

    rng, seen = np.random.default_rng(seed), statistic(scores)
    as_much = sum(statistic(rng.permutation(scores)) >= seen * (1 - 1e-12) for _ in range(_SHUFFLES))
    row = (len(names), len(scores), seen, (as_much + 1) / (_SHUFFLES + 1))
    return pd.DataFrame([row], columns=["segments", "n", "statistic", "p"])


def together(found: Worths) -> list[list[str]]:
    """Needs that cannot be told from the best of those left, group after group.

    Args:
        found: Of `worths`.

    Returns:
        Groups of needs; every need of a later group is surely below the first need of the one before.
    """
    apart = {(row["need"], row["other"]): bool(row["apart"]) for row in found.pairs.to_dict("records")}
    left, groups = found.table["need"].tolist(), list[list[str]]()
    while left:
        best = left[0]
        groups.append([best, *(need for need in left[1:] if not apart[best, need])])
        left = [need for need in left[1:] if apart[best, need]]
    return groups
