"""Worths of needs: published and independently computed figures, laws, and what becomes of odd answers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from opskit.errors import MissingTableError, OpskitError, TooLittleDataError
from opskit.target_users import needs

TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
# Wins of the row's team over the column's, American League East 1987: Agresti (2002), "Categorical data analysis", section 10.6.
WINS = (
    (0, 7, 9, 7, 7, 9, 11),
    (6, 0, 7, 5, 11, 9, 9),
    (4, 6, 0, 7, 7, 8, 12),
    (6, 8, 6, 0, 6, 7, 10),
    (6, 2, 6, 7, 0, 7, 12),
    (4, 4, 5, 6, 6, 0, 6),
    (2, 4, 1, 3, 1, 7, 0),
)
# Log-worth against Baltimore and its standard error: Turner & Firth (2012), "Bradley-Terry models in R", J. Stat. Software 48(9).
PUBLISHED = {
    "Boston": (1.1077, 0.3339),
    "Cleveland": (0.6839, 0.3319),
    "Detroit": (1.4364, 0.3396),
    "Milwaukee": (1.5814, 0.3433),
    "New York": (1.2476, 0.3359),
    "Toronto": (1.2945, 0.3367),
}


def league() -> pd.DataFrame:
    rows = [(a, b, WINS[i][j]) for i, a in enumerate(TEAMS) for j, b in enumerate(TEAMS) if i != j]
    return pd.DataFrame(rows, columns=["winner", "loser", "n"])


def asked(*orders: str, names: str = "ABCD", question: str = "rank") -> pd.DataFrame:
    """A survey in which every respondent ranks by the order of letters; a letter left out has no rank."""
    rows = [
        (f"r{person}", "s", question, need, str(order.index(need) + 1) if need in order else None)
        for person, order in enumerate(orders)
        for need in names
    ]
    return pd.DataFrame(rows, columns=["respondent_id", "survey", "question", "item", "answer"])


def drawn(seed: int, n: int, worth: dict[str, float], top: int | None = None) -> pd.DataFrame:
    """A survey drawn from the Plackett-Luce model."""
    rng, names = np.random.default_rng(seed), "".join(worth)
    utility = np.log(list(worth.values())) + rng.gumbel(size=(n, len(worth)))
    return asked(*("".join(names[i] for i in row[:top]) for row in (-utility).argsort(axis=1)), names=names)


WORTH = {"A": 0.4, "B": 0.3, "C": 0.2, "D": 0.1}


def test_baseball_as_published() -> None:
    found = needs.worths(needs.from_wins(league()), robust=False)
    base = found.choices.needs.index("Baltimore")
    covariance = found.fit.covariance
    for team, (estimate, error) in PUBLISHED.items():
        place = found.choices.needs.index(team)
        assert found.fit.log_worth[place] - found.fit.log_worth[base] == pytest.approx(estimate, abs=6e-5)
        variance = covariance[place, place] + covariance[base, base] - 2 * covariance[place, base]
        assert np.sqrt(variance) == pytest.approx(error, abs=6e-5)
    assert found.pairs["apart"].sum() == 2 * 5  # what the chapter says of 21 pairs
    assert found.table["need"].iloc[0] == "Milwaukee"


def test_baseball_as_a_logistic_regression() -> None:
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    pairs = [(i, j) for i in range(7) for j in range(i)]
    design = np.array([[(k == i) - (k == j) for k in range(6)] for i, j in pairs], dtype=float)
    model = GLM(np.array([(WINS[i][j], WINS[j][i]) for i, j in pairs]), design, family=Binomial()).fit()
    found = needs.worths(needs.from_wins(league()), robust=False)
    log_worth = dict(zip(found.choices.needs, found.fit.log_worth - found.fit.log_worth[0], strict=True))
    assert found.choices.needs[0] == "Baltimore"
    np.testing.assert_allclose([log_worth[team] for team in TEAMS[:6]], model.params, atol=1e-7)


@pytest.mark.parametrize("top", [None, 2])
def test_rankings_as_an_exploded_logit(top: int | None) -> None:
    """Every stage of a ranking is a choice: statsmodels' conditional logit on the choices gives the same, and its errors."""
    from statsmodels.discrete.conditional_models import ConditionalLogit

    found = needs.worths(needs.rankings(drawn(3, 40, WORTH, top)), robust=False)
    choices, stages = found.choices, []
    for row, (offered, chosen) in enumerate(zip(choices.offered, choices.chosen, strict=True)):
        for copy in range(int(choices.times[choices.answer[row]])):
            stages += [
                (f"{row}-{copy}", int(i == chosen), *(i == k for k in (1, 2, 3))) for i in np.flatnonzero(offered)
            ]
    table = pd.DataFrame(stages)
    model = ConditionalLogit(table[1].to_numpy(), table[[2, 3, 4]].to_numpy(dtype=float), groups=table[0].to_numpy())
    result = model.fit(disp=False)
    log_worth = found.fit.log_worth - found.fit.log_worth[0]
    np.testing.assert_allclose(log_worth[1:], result.params, atol=1e-4)
    covariance = found.fit.covariance
    errors = np.sqrt([covariance[k, k] + covariance[0, 0] - 2 * covariance[k, 0] for k in (1, 2, 3)])
    np.testing.assert_allclose(errors, result.bse, rtol=1e-3)


def test_the_estimate_is_the_top_of_the_likelihood() -> None:
    from scipy.optimize import minimize

    orders = ["ABCD", "ABDC", "BACD", "DCBA", "CABD", "ACBD", "BADC", "ABCD", "CDAB", "DABC"]

    def minus_log_likelihood(theta: np.ndarray) -> float:
        level = dict(zip("ABCD", (*theta, 0.0), strict=True))
        return sum(
            np.log(sum(np.exp(level[other]) for other in order[stage:])) - level[order[stage]]
            for order in orders
            for stage in range(3)
        )

    best = minimize(minus_log_likelihood, np.zeros(3), method="BFGS", options={"gtol": 1e-9})
    found = needs.worths(needs.rankings(asked(*orders))).fit
    np.testing.assert_allclose(found.log_worth[:3] - found.log_worth[3], best.x, atol=1e-5)
    assert found.log_likelihood == pytest.approx(-best.fun, abs=1e-9)


def test_worths_by_hand() -> None:
    """Of two needs the worth is the share of those who prefer it, and its interval that of a logit."""
    found = needs.worths(needs.rankings(asked(*["AB"] * 30, *["BA"] * 10, names="AB")), robust=False).table
    assert found["worth"].tolist() == pytest.approx([0.75, 0.25])
    half = 1.959964 * np.sqrt(1 / 30 + 1 / 10)
    assert found["high"].iloc[0] == pytest.approx(1 / (1 + np.exp(-np.log(3) - half)), abs=1e-6)
    assert found["n"].tolist() == [40, 40]


def test_laws() -> None:
    survey = drawn(1, 60, WORTH)
    found = needs.worths(needs.rankings(survey))
    assert found.table["worth"].sum() == pytest.approx(1)
    assert (found.table["low"] < found.table["worth"]).all()
    assert (found.table["worth"] < found.table["high"]).all()
    assert found.table["first"].sum() == pytest.approx(1)
    assert (
        (found.table["place_low"] <= found.table["place"]) & (found.table["place"] <= found.table["place_high"])
    ).all()
    twice = pd.concat([survey, survey.assign(respondent_id="again " + survey["respondent_id"])])
    more = needs.worths(needs.rankings(twice))
    np.testing.assert_allclose(more.table["worth"], found.table["worth"], atol=1e-9)
    assert ((more.table["high"] - more.table["low"]) < (found.table["high"] - found.table["low"])).all()
    renamed = survey.assign(item=survey["item"].map(dict(zip("ABCD", "WXYZ", strict=True))))
    other = needs.worths(needs.rankings(renamed)).table
    np.testing.assert_allclose(other["worth"], found.table["worth"], atol=1e-9)
    backwards = found.pairs.rename(columns={"need": "other", "other": "need"}).merge(found.pairs, on=["need", "other"])
    np.testing.assert_allclose(backwards["times_x"] * backwards["times_y"], 1)


@pytest.fixture(scope="module")
def odd() -> pd.DataFrame:
    """Ten plain rankings of three needs, and one of every oddity."""
    plain = asked(*["ABC"] * 6, *["BAC"] * 2, *["CAB"] * 2, names="ABC")
    extra = [("tied", "A", "1"), ("tied", "B", "1"), ("tied", "C", "2"), ("words", "A", "first"), ("words", "B", "2")]
    extra += [
        ("twice", "A", "1"),
        ("twice", "A", "2"),
        ("twice", "B", "3"),
        ("silent", "A", None),
        ("silent", "B", "(空)"),
    ]
    extra += [
        ("partial", "A", "1"),
        ("partial", "B", "-2"),
        ("gaps", "A", "第2名"),
        ("gaps", "B", "5.0"),
        ("gaps", "C", "9"),
    ]
    rows = [(who, "s", "排序", item, answer) for who, item, answer in extra]
    return pd.concat([plain.assign(question="排序"), pd.DataFrame(rows, columns=plain.columns)], ignore_index=True)


def test_odd_answers_are_counted_and_left_out(odd: pd.DataFrame, engine: Callable[[pd.DataFrame], Any]) -> None:
    below, apart = (needs.rankings(engine(odd), unranked=unranked) for unranked in ("below", "not_asked"))
    counts = below.respondents.set_index("status")["respondents"]
    assert counts.to_dict() == {
        "used": 12,  # gaps in the ranks and one rank alone are orders, too
        "no response": 1,
        "answered twice": 1,
        "an answer unreadable": 1,
        "the same rank twice": 1,
        "fewer than two needs compared": 0,
    }
    assert apart.respondents.set_index("status")["respondents"]["fewer than two needs compared"] == 1
    assert (below.n, apart.n) == (12, 11)
    assert needs.worths(below).table["n"].tolist() == [12, 12, 12]


def test_pairs_are_choices_and_a_tie_is_half_of_each(engine: Callable[[pd.DataFrame], Any]) -> None:
    rows = [(p, "s", "prefer", "price vs safety", "safety" if p < 14 else "price") for p in range(20)]
    rows += [(p, "s", "prefer", "price|speed", "1" if p < 10 else "一样") for p in range(20)]
    rows += [(99, "s", "prefer", "price|speed", "neither of them")]
    survey = pd.DataFrame(rows, columns=["respondent_id", "survey", "question", "item", "answer"])
    choices = needs.comparisons(engine(survey))
    assert choices.respondents.set_index("status")["respondents"].to_dict() == {
        "used": 20,
        "no response": 0,
        "answered twice": 0,
        "an answer unreadable": 1,
    }
    worth = needs.worths(choices).table.set_index("need")["worth"]
    assert worth["safety"] / worth["price"] == pytest.approx(14 / 6)
    assert worth["price"] / worth["speed"] == pytest.approx(15 / 5)


def test_a_need_never_or_always_preferred_has_no_finite_worth() -> None:
    orders = [*["ABCD"] * 8, *["ACBD"] * 8]
    found = needs.worths(needs.rankings(asked(*orders)))
    assert dict(found.unbounded.values.tolist()) == {
        "A": "always preferred to the others",
        "D": "never preferred to the others",
    }
    assert found.table["need"].tolist() == ["B", "C"]
    assert found.table["worth"].tolist() == pytest.approx([0.5, 0.5])
    findings = needs.Findings(found, None, pd.DataFrame(), None, None, None, 0.95)
    assert "**A** apart: it was always preferred to the others" in "\n".join(needs.decisions(findings))


def test_what_cannot_be_estimated_is_a_sentence() -> None:
    with pytest.raises(TooLittleDataError, match="all 12 respondents order the 4 needs alike"):
        needs.worths(needs.rankings(asked(*["ABCD"] * 12)))
    halves = pd.concat([asked(*["AB", "BA"] * 6, names="AB"), asked(*["CD", "DC"] * 6, names="CD").assign(survey="s")])
    halves["respondent_id"] += halves["item"].isin(["C", "D"]).astype(str)
    with pytest.raises(TooLittleDataError, match="A, B and C, D were never compared with each other"):
        needs.worths(needs.rankings(halves, unranked="not_asked"))
    with pytest.raises(TooLittleDataError, match=r"3 usable answers to the ranking of needs, must be at least 10"):
        needs.rankings(asked("ABCD", "BACD", "CABD"))
    with pytest.raises(MissingTableError, match="no survey asks 'rank'; the questions are 'nps'"):
        needs.rankings(asked("AB", names="AB", question="nps"))
    with pytest.raises(OpskitError, match=r"several surveys ask 'rank': s, t\. Name one"):
        needs.rankings(pd.concat([asked("AB", names="AB"), asked("AB", names="AB").assign(survey="t")]))
    with pytest.raises(OpskitError, match="must be one of s"):
        needs.rankings(asked("AB", names="AB"), survey="x")
    with pytest.raises(OpskitError, match="unranked == 'last', must be one of"):
        needs.rankings(asked("AB", names="AB"), unranked="last")
    with pytest.raises(OpskitError, match="is no pair of needs"):
        needs.comparisons(asked(*["AB"] * 12, names="AB", question="prefer"))


def test_needs_that_cannot_be_told_apart_stand_together() -> None:
    survey = drawn(5, 300, {"A": 0.40, "B": 0.38, "C": 0.12, "D": 0.10})
    found = needs.worths(needs.rankings(survey))
    assert [set(group) for group in needs.together(found)] == [{"A", "B"}, {"C", "D"}]
    assert found.table.set_index("need").loc["C", ["place_low", "place_high"]].tolist() == [3, 4]


@pytest.fixture(scope="module")
def mixed() -> tuple[pd.DataFrame, pd.DataFrame]:
    """People of two cities who want opposite things, and what is known of them."""
    two = [drawn(7, 60, WORTH), drawn(8, 60, {"A": 0.1, "B": 0.2, "C": 0.3, "D": 0.4})]
    for number, part in enumerate(two):
        part["respondent_id"] += f"-{number}"
    survey = pd.concat(two, ignore_index=True).assign(customer_id=lambda t: t["respondent_id"])
    ids = survey["customer_id"].drop_duplicates()
    known = {
        "customer_id": ids,
        "city": ids.str[-1],
        "lot": ids.str.split("-").str[0].str[-1].isin([*"13579"]).map(str),
    }
    return survey, pd.DataFrame(known)


def test_a_segment_is_an_attribute_of_the_customer(mixed: tuple, engine: Callable[[pd.DataFrame], Any]) -> None:
    survey, customers = map(engine, mixed)
    choices = needs.rankings(survey, segment="city", customers=customers)
    sizes = pd.Series(choices.times).groupby(pd.Series(choices.segment)).sum()
    assert sizes.to_dict() == {"0": 60, "1": 60}


def test_segments_that_differ_are_found_and_others_not(mixed: tuple) -> None:
    survey, customers = mixed
    choices = {
        name: needs.rankings(survey, segment=name, customers=customers) for name in ("city", "lot", "no such attribute")
    }
    worth, test = needs.by_segment(choices["city"])
    assert test["p"].iloc[0] == pytest.approx(0.001)
    assert worth.groupby("segment")["n"].first().tolist() == [60, 60]
    top = worth.loc[worth.groupby("segment")["worth"].idxmax()]
    assert top["need"].tolist() == ["A", "D"]
    assert needs.by_segment(choices["lot"])[1]["p"].iloc[0] > 0.05
    assert needs.by_segment(choices["no such attribute"])[0].empty


def test_a_need_that_a_segment_never_prefers_is_worth_nothing_there() -> None:
    part = [
        asked(*["ABC", "BAC"] * 20, names="ABC").assign(city="x"),
        asked(*["ABC", "BCA", "CAB"] * 15, names="ABC").assign(city="y"),
    ]
    part.append(asked(*["ACB"] * 40, names="ABC").assign(city="z"))
    for rows in part:
        rows["respondent_id"] += rows["city"]
    worth, test = needs.by_segment(needs.rankings(pd.concat(part, ignore_index=True), segment="city"))
    table = worth.pivot(index="need", columns="segment", values="worth")
    assert table["x"].to_dict() == pytest.approx({"A": 0.5, "B": 0.5, "C": 0.0})
    assert table["y"].sum() == pytest.approx(1)
    assert table["z"].isna().all()  # everybody orders alike: no worths, and the others' stay
    assert test[["segments", "n"]].iloc[0].tolist() == [3, 125]
    assert worth["n"].tolist() == [40] * 3 + [45] * 3 + [40] * 3


def test_answers_alike_by_chance_are_no_certainty() -> None:
    """Every ranking has C in the middle, so its score never varies; its interval must have a width all the same."""
    choices = needs.rankings(asked(*["ACB", "BCA"] * 20, names="ABC"))
    robust, model = (needs.worths(choices, robust=robust).table.set_index("need").loc["C"] for robust in (True, False))
    assert (robust["high"] - robust["low"]) == pytest.approx(0.5**0.5 * (model["high"] - model["low"]), rel=0.02)


def test_a_persons_pairs_hang_together_and_the_interval_knows() -> None:
    """Everybody's ten answers are one: the model's own interval is far too narrow, the page's is not."""
    rows = [
        (person, "s", "prefer", f"A vs B{pair}", "1" if person % 2 else "2")
        for person in range(60)
        for pair in range(5)
    ]
    survey = pd.DataFrame(rows, columns=["respondent_id", "survey", "question", "item", "answer"])
    choices = needs.comparisons(survey)
    robust, model = (needs.worths(choices, robust=robust).table.set_index("need").loc["A"] for robust in (True, False))
    assert (robust["high"] - robust["low"]) > 1.5 * (model["high"] - model["low"])


def test_ratings_and_first_places(engine: Callable[[pd.DataFrame], Any]) -> None:
    rating = asked(*["AB"] * 10, names="AB", question="重要性").assign(answer=["5", "4"] * 9 + ["3", "很高"])
    table = needs.ratings(engine(rating))
    assert table[["need", "mean", "n"]].values.tolist() == [["A", 4.8, 10], ["B", 4.0, 9]]
    first = needs.first_places(needs.rankings(engine(asked(*["ABC"] * 15, *["CBA"] * 5, names="ABC"))))
    assert first.set_index("need")["share"].to_dict() == {"A": 0.75, "B": 0.0, "C": 0.25}


def test_other_readings_agree_where_the_model_holds() -> None:
    table = needs.readings(needs.worths(needs.rankings(drawn(2, 2000, WORTH)))).set_index("need")
    np.testing.assert_allclose(table["first_share"], table["worth"], atol=0.03)
    np.testing.assert_allclose(table["later_worth"], table["worth"], atol=0.03)
    np.testing.assert_allclose(table["model_width"], 1, atol=0.1)
