"""Non-customers in three kinds: nearly customers, refusing, never explored."""

from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames, stats
from opskit.errors import MissingTableError, check
from opskit.target_users.needs import answers
from opskit.target_users.needs.answers import SILENT, TWICE, USED
from opskit.target_users.needs.words import as_grade, as_yes

if TYPE_CHECKING:
    import pandas as pd

NEARLY, REFUSING, UNEXPLORED = TIERS = ("nearly customers", "refusing", "never explored")
MEANS = {
    NEARLY: "feel the need and can pay",
    REFUSING: "feel the need, but cannot pay or have decided against it",
    UNEXPLORED: "do not feel the need",
}
ACTIONS = {
    NEARLY: "take away the last hurdle: a trial, a first order without postage, an answer to their question",
    REFUSING: "ask what they refused; a smaller pack or instalments where it is the price",
    UNEXPLORED: "do not sell yet; be there in the scene in which the need comes up",
}
_PARTLY, _UNREADABLE = "need or ability to pay missing", "an answer unreadable"
_QUESTIONS = ("need", "ability_to_pay", "decided_against")


class NonCustomers(NamedTuple):
    """Who could become a customer."""

    tiers: "pd.DataFrame"  # tier, share, low, high, respondents, n, means, action
    respondents: "pd.DataFrame"  # status, respondents, share
    source: str


def non_customers(
    surveys: Any, *, survey: str = "", need_at_least: float = 4, pay_at_least: float = 4, confidence: float = 0.95
) -> NonCustomers:
    """Shares of the three kinds, from what non-customers say.

    Args:
        surveys: Any engine's frame with respondent_id, survey, question and answer: ``need`` (how much they need it, 1 to 5),
            ``ability_to_pay`` (whether they could pay for it, 1 to 5 or yes and no) and, where asked, ``decided_against``
            (whether they have looked at such an offer and decided against it, yes or no).
        survey: Name of the survey; empty: the only one that asks for need and ability to pay.
        need_at_least: From this answer on the need counts as felt.
        pay_at_least: From this answer on they can pay.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``tiers``: tier, share of those who can be placed, low, high, respondents, n, means, action. ``respondents``: what
        became of the answers. Who has decided against it is refusing, whatever else they say.

    Raises:
        MissingTableError: No survey asks both.
        OpskitError: Several do, or an option is out of range.
        TooLittleDataError: Fewer than 10 can be placed.

    Source: the three kinds follow Kim & Mauborgne (2005), "Blue ocean strategy"; that need and ability to pay place
        people in them is the page's own reading.

    >>> import pandas as pd
    >>> said = [(str(person), "n", q, "5") for person in range(10) for q in ("need", "ability_to_pay")]
    >>> found = non_customers(pd.DataFrame(said, columns=["respondent_id", "survey", "question", "answer"]))
    >>> found.tiers[["tier", "share", "n"]].values.tolist()
    [['nearly customers', 1.0, 10], ['refusing', 0.0, 10], ['never explored', 0.0, 10]]
    """
    _, name = answers.rows(surveys, _QUESTIONS[:2], survey=survey)
    asked = frames.lazy(surveys, "respondent_id", "survey", "question", "answer", table="surveys")
    same = asked.filter(nw.col("survey").cast(nw.String) == name)
    try:  # the third question need not be there
        rows, _ = answers.rows(nw.to_native(same), _QUESTIONS, survey=name)
    except MissingTableError:
        rows, _ = answers.rows(nw.to_native(same), _QUESTIONS[:2], survey=name)
    own = [nw.when(nw.col("question") == one).then(nw.col("answer")).alias(one) for one in _QUESTIONS]
    each = rows.with_columns(*own).group_by("respondent_id")
    both = each.agg(
        *(nw.col(one).max() for one in _QUESTIONS), *(nw.col(one).count().alias(f"times_{one}") for one in _QUESTIONS)
    )
    most = nw.max_horizontal(*(nw.col(f"times_{one}").cast(nw.Int64) for one in _QUESTIONS)).alias("times")
    combined = frames.collect(both.with_columns(most).group_by(*_QUESTIONS, "times").agg(nw.len().alias("n")))
    return _placed(combined, need_at_least, pay_at_least, confidence, f"survey {name}")


def of_attributes(
    customers: Any,
    *,
    need: str,
    ability_to_pay: str,
    need_at_least: float = 4,
    pay_at_least: float = 4,
    confidence: float = 0.95,
) -> NonCustomers:
    """Shares of the three kinds, from attributes of prospects, such as what sales people note in the files.

    Args:
        customers: Any engine's frame with customer_id and the two attributes (numbers, or yes and no); where is_customer is there, only
            those who are none count.
        need: Attribute that says how much they need it.
        ability_to_pay: Attribute that says whether they could pay.
        need_at_least: As for `non_customers`.
        pay_at_least: As for `non_customers`.
        confidence: As for `non_customers`.

    Returns:
        As `non_customers`.

    Raises:
        OpskitError: A column is missing, or an option is out of range.
        TooLittleDataError: Fewer than 10 can be placed.
    """
    lf = frames.lazy(customers, "customer_id", need, ability_to_pay, table="customers")
    if "is_customer" in lf.collect_schema().names():
        lf = lf.filter(~nw.col("is_customer"))
    given = [nw.col(name).cast(nw.String).alias(f"_{word}") for name, word in ((need, "need"), (ability_to_pay, "pay"))]
    counts = frames.collect(lf.select(*given).group_by("_need", "_pay").agg(nw.len().alias("n")))
    counts = counts.rename(columns={"_need": "need", "_pay": "ability_to_pay"}).assign(decided_against=None, times=1)
    return _placed(counts, need_at_least, pay_at_least, confidence, f"customers: {need}, {ability_to_pay}")


def _placed(
    combined: "pd.DataFrame", need_at_least: float, pay_at_least: float, confidence: float, source: str
) -> NonCustomers:
    import numpy as np
    import pandas as pd

    for value, name in ((need_at_least, "need_at_least"), (pay_at_least, "pay_at_least")):
        check(value, name)
    texts = combined[list(_QUESTIONS)]
    need, pay = (combined[name].map(as_grade, na_action="ignore").astype(float) for name in _QUESTIONS[:2])
    against = combined["decided_against"].map(as_yes, na_action="ignore")
    bad = ((need.isna() & texts["need"].notna()) | (pay.isna() & texts["ability_to_pay"].notna())) | (
        against.isna() & texts["decided_against"].notna()
    )
    conditions = [texts.isna().all(axis=1), combined["times"] > 1, bad, need.isna() | pay.isna()]
    status = np.select(conditions, [SILENT, TWICE, _UNREADABLE, _PARTLY], default=USED)
    told = answers.account(status.tolist(), combined["n"].tolist(), [SILENT, TWICE, _UNREADABLE, _PARTLY])
    n = answers.enough(told, "need and ability to pay")
    felt, able = need >= need_at_least, pay >= pay_at_least
    tier = np.select([against.eq(True), felt & able, felt], [REFUSING, NEARLY, REFUSING], default=UNEXPLORED)
    counts = combined["n"].where(status == USED, 0).groupby(tier).sum().reindex(TIERS, fill_value=0)
    low, high = stats.wilson(counts, [n] * len(TIERS), confidence=confidence)
    table = pd.DataFrame({"tier": TIERS, "share": counts.to_numpy() / n, "low": low, "high": high})
    words = {"means": list(MEANS.values()), "action": list(ACTIONS.values())}
    return NonCustomers(table.assign(respondents=counts.to_numpy(dtype="int64"), n=n, **words), told, source)
