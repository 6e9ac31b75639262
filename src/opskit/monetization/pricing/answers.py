"""Survey answers as people type them: which question is meant, what amount, yes or no."""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import frames
from opskit.contract import normalized
from opskit.dataset.clean import CURRENCIES
from opskit.errors import OpskitError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FEWEST = 10  # respondents below which nothing is estimated
YES = ("yes", "y", "true", "1", "是", "会", "愿意", "会买", "买")
NO = ("no", "n", "false", "0", "否", "不", "不会", "不愿意", "不会买", "不买")
_SIGNS = "|".join(re.escape(sign) for signs in CURRENCIES.values() for sign in signs)
_AMOUNT = re.compile(rf"(?:{_SIGNS})?(\d+(?:\.\d*)?|\.\d+)(?:{_SIGNS})?")


def amount(text: object) -> float:
    """The amount a text states, nan when it states none, or more than one.

    >>> [amount(text) for text in ("129", "￥1,280.5", "１２９元", "100-150", "不知道", None)]
    [129.0, 1280.5, 129.0, nan, nan, nan]
    """
    bare = re.sub(r"[\s,]", "", unicodedata.normalize("NFKC", str(text)).lower())
    found = _AMOUNT.fullmatch(bare)
    return float(found[1]) if found else float("nan")


def rows(
    surveys: Any, questions: Sequence[str], spellings: Mapping[str, Collection[str]], *, survey: str = ""
) -> tuple[nw.LazyFrame[Any], list[str], str]:
    """The rows of the one survey that asks all the questions, as text.

    Args:
        surveys: Any engine's frame with respondent_id, survey, question, answer and, where rated, item.
        questions: The questions wanted.
        spellings: Other spellings of a question.
        survey: Name of the survey; empty: the only one with these questions.

    Returns:
        The rows, the questions as they are spelled there, in the order asked for, and the survey's name.

    Raises:
        OpskitError: No survey has the questions, or several have.
    """
    lf = frames.lazy(surveys, "respondent_id", "survey", "question", "answer", table="surveys")
    there = frames.collect(lf.group_by("survey", "question").agg(nw.len().alias("n")).sort("survey", "question"))
    found: dict[str, list[str]] = {}
    for name, texts in there.groupby("survey")["question"]:
        by_word = {normalized(str(text)): str(text) for text in texts}
        words = [[normalized(word) for word in (question, *spellings.get(question, ()))] for question in questions]
        spelled = [next((by_word[word] for word in options if word in by_word), "") for options in words]
        if all(spelled) and survey in {"", str(name)}:
            found[str(name)] = spelled
    names = sorted(map(str, there["survey"].unique()))
    if survey and survey not in names:
        raise OpskitError(f"survey == {survey!r}, must be one of {', '.join(names)}.{did_you_mean(survey, names)}")
    if not found:
        seen = ", ".join(map(repr, there["question"].unique()[:12]))
        raise OpskitError(
            f"no survey asks {', '.join(questions)}; the questions are {seen}. Name them as they are spelled there."
        )
    if len(found) > 1:
        raise OpskitError(f"several surveys ask {', '.join(questions)}: {', '.join(found)}. Name one of them.")
    ((name, spelled),) = found.items()
    texts = [nw.col(column).cast(nw.String) for column in ("question", "answer")]
    rows = lf.with_columns(*texts).filter((nw.col("survey") == name) & nw.col("question").is_in(spelled))
    return rows, spelled, name


def account(counts: "Mapping[str, float]") -> "pd.DataFrame":
    """Respondents by what became of their answers: status, respondents, share of those asked."""
    import pandas as pd

    table = pd.DataFrame({"status": list(counts), "respondents": [int(n) for n in counts.values()]})
    return table.assign(share=table["respondents"] / max(int(table["respondents"].sum()), 1))


def enough(account: "pd.DataFrame", what: str) -> int:
    """How many respondents can be used.

    Raises:
        OpskitError: They are too few to say anything, with the reasons.
    """
    valid = int(account.loc[account["status"] == "used", "respondents"].sum())
    if valid < FEWEST:
        why = ", ".join(f"{n:,} {status}" for status, n, _ in account.itertuples(index=False) if status != "used" and n)
        raise OpskitError(
            f"{valid} usable answers to {what}, must be at least {FEWEST}{f' ({why})' if why else ''}. Ask more customers, "
            "or check how the answers are spelled."
        )
    return valid


def resampled(counts: "np.ndarray[Any, Any]", *, draws: int, seed: int) -> "np.ndarray[Any, Any]":
    """How often each kind of respondent comes up in samples as large as the one there is, a row per sample."""
    import numpy as np

    return np.random.default_rng(seed).multinomial(int(counts.sum()), counts / counts.sum(), size=draws)


def interval(
    estimate: "np.ndarray[Any, Any] | float", samples: "np.ndarray[Any, Any]", confidence: float
) -> tuple[Any, Any]:
    """Percentile interval over samples (rows), reaching at least to the estimate."""
    import numpy as np

    low, high = np.quantile(samples, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return np.minimum(low, estimate), np.maximum(high, estimate)
