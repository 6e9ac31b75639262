"""Kano classes, kinds of non-customers and the map of scenes, against tables worked by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from opskit.errors import MissingTableError, OpskitError, TooLittleDataError
from opskit.target_users import needs
from opskit.target_users.needs.kano import DYSFUNCTIONAL, FUNCTIONAL, KANO, TABLE

WORDS = ("like", "expect", "neutral", "live with", "dislike")
CHINESE = ("我很喜欢", "理应如此", "无所谓", "勉强接受", "我很不喜欢")
# Rows: with the feature, columns: without it, both from like to dislike. Berger et al. (1993), evaluation table.
PRINTED = """Q A A A O
             R I I I M
             R I I I M
             R I I I M
             R R R R Q"""
NAMES = {"M": "must-be", "O": "performance", "A": "attractive", "I": "indifferent", "R": "reverse", "Q": "questionable"}
COLUMNS = ["respondent_id", "survey", "question", "item", "answer"]


def kano_survey(feature: str, pairs: list[tuple[str, str]], words: tuple[str, ...] = WORDS) -> pd.DataFrame:
    said = dict(zip(WORDS, words, strict=True))
    rows = [
        (person, "k", question, feature, said[answer])
        for person, pair in enumerate(pairs)
        for question, answer in zip(("functional", "dysfunctional"), pair, strict=True)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def letters(**counts: int) -> list[tuple[str, str]]:
    """So many pairs of answers of each class."""
    pair = {"A": ("like", "neutral"), "O": ("like", "dislike"), "M": ("expect", "dislike"), "I": ("neutral", "neutral")}
    pair |= {"R": ("dislike", "like"), "Q": ("like", "like")}
    return [pair[letter] for letter, n in counts.items() for _ in range(n)]


def test_the_evaluation_table_is_the_printed_one() -> None:
    printed = [line.split() for line in PRINTED.splitlines()]
    assert KANO == WORDS
    for row, functional in enumerate(WORDS):
        for column, dysfunctional in enumerate(WORDS):
            assert TABLE[functional][dysfunctional] == NAMES[printed[row][column]]


def test_a_table_worked_by_hand(engine: Callable[[pd.DataFrame], Any]) -> None:
    """40 must-be, 30 performance, 20 attractive, 10 indifferent, 6 reverse, 4 questionable."""
    found = needs.kano(engine(kano_survey("wipes", letters(M=40, O=30, A=20, I=10, R=6, Q=4))))
    row = found.classes.iloc[0]
    assert row[["better", "worse", "better_n", "n"]].tolist() == [0.5, -0.7, 100, 110]
    assert (row["better_low"], row["better_high"]) == pytest.approx((0.40383, 0.59617), abs=1e-5)  # Wilson, 50 of 100
    assert (row["worse_low"], row["worse_high"]) == pytest.approx((-0.78105, -0.60415), abs=1e-5)  # Wilson, 70 of 100
    assert row[["mode", "second", "class", "clear"]].tolist() == ["must-be", "performance", "must-be", False]
    assert row["p"] == pytest.approx(binomtest(40, 70).pvalue)
    shares = found.shares.set_index("class")["share"]
    assert shares.round(4).to_dict() == {
        "must-be": 0.3636,
        "performance": 0.2727,
        "attractive": 0.1818,
        "indifferent": 0.0909,
        "reverse": 0.0545,
        "questionable": 0.0364,
    }
    scale = found.scale.iloc[0]
    # with it: 54 like (4), 40 expect (2), 10 neutral (0), 6 dislike (-2); without: 10 like (-2), 30 neutral (0), 70 dislike (4)
    assert scale["functional"] == pytest.approx((54 * 4 + 40 * 2 - 6 * 2) / 110)
    assert scale["dysfunctional"] == pytest.approx((70 * 4 - 10 * 2) / 110)
    assert scale["class"] == "performance"


def test_the_scale_is_dumouchels() -> None:
    assert [FUNCTIONAL[word] for word in WORDS] == [4, 2, 0, -1, -2]
    assert [DYSFUNCTIONAL[word] for word in WORDS] == [-2, -1, 0, 2, 4]


@pytest.mark.parametrize(
    ("counts", "mode", "choice", "clear"),
    [
        ({"I": 60, "A": 20}, "indifferent", "indifferent", True),
        ({"I": 42, "A": 38}, "indifferent", "attractive", False),
        ({"A": 41, "O": 40, "M": 39}, "attractive", "must-be", False),
        ({"A": 41, "O": 40, "M": 10}, "attractive", "performance", False),
        ({"R": 50, "I": 20}, "reverse", "reverse", True),
        ({"R": 31, "Q": 29}, "reverse", "reverse", False),
    ],
)
def test_of_classes_that_chance_makes_alike_the_one_that_asks_more_counts(
    counts: dict[str, int], mode: str, choice: str, clear: bool
) -> None:
    row = needs.kano(kano_survey("wipes", letters(**counts))).classes.iloc[0]
    assert row[["mode", "class", "clear"]].tolist() == [mode, choice, clear]


@pytest.mark.parametrize(
    ("words", "like"),
    [
        (WORDS, 5),
        (CHINESE, 5),
        (("5", "4", "3", "2", "1.0"), 5),
        (("1", "2", "3", "4", "5"), 1),
        (("Like!", "Must-be", " NEUTRAL", "Live with", "不喜欢"), 5),
    ],
)
def test_words_and_numbers_mean_the_same(words: tuple[str, ...], like: int) -> None:
    every = [(one, other) for one in WORDS for other in WORDS]
    plain, told = needs.kano(kano_survey("x", every)), needs.kano(kano_survey("x", every, words), like=like)
    pd.testing.assert_frame_equal(plain.classes, told.classes)
    pd.testing.assert_frame_equal(plain.scale, told.scale)


def test_odd_answers_to_kano_are_counted(engine: Callable[[pd.DataFrame], Any]) -> None:
    survey = kano_survey("wipes", letters(M=12))
    odd = [
        ("a", "functional", "like"),
        ("b", "functional", "like"),
        ("b", "functional", "like"),
        ("b", "dysfunctional", "like"),
    ]
    odd += [
        ("c", "functional", "perhaps"),
        ("c", "dysfunctional", "like"),
        ("d", "functional", None),
        ("d", "dysfunctional", None),
    ]
    rows = pd.DataFrame([(who, "k", q, "wipes", answer) for who, q, answer in odd], columns=COLUMNS)
    found = needs.kano(engine(pd.concat([survey.astype({"respondent_id": str}), rows], ignore_index=True)))
    assert found.answers.set_index("status")["answers"].to_dict() == {
        "used": 12,
        "no response": 1,
        "answered twice": 1,
        "an answer unreadable": 1,
        "one of the two questions missing": 1,
    }
    assert np.isnan(needs.kano(kano_survey("x", letters(R=12))).classes["better"].iloc[0])
    with pytest.raises(TooLittleDataError, match="3 usable answers"):
        needs.kano(kano_survey("x", letters(M=3)))
    with pytest.raises(MissingTableError, match="no survey asks 'functional' and 'dysfunctional'"):
        needs.kano(survey[survey["question"] == "functional"])
    with pytest.raises(OpskitError, match="like == 3, must be one of 1, 5"):
        needs.kano(survey, like=3)


def test_three_kinds_by_hand(engine: Callable[[pd.DataFrame], Any]) -> None:
    said = [("5", "4", "no")] * 6 + [("4", "2", None)] * 3 + [("5", "是", "是")] * 2 + [("2", "5", "否")] * 9
    said += [(None, None, None), ("much", "4", None), ("4", None, "no")]
    questions = ("需要程度", "支付能力", "考虑后放弃")
    rows = [(p, "n", q, a) for p, answers in enumerate(said) for q, a in zip(questions, answers, strict=True)]
    found = needs.non_customers(engine(pd.DataFrame(rows, columns=["respondent_id", "survey", "question", "answer"])))
    assert found.tiers.set_index("tier")["respondents"].to_dict() == {
        "nearly customers": 6,
        "refusing": 5,
        "never explored": 9,
    }
    assert found.tiers["share"].tolist() == [0.3, 0.25, 0.45]
    assert found.tiers["low"].iloc[0] == pytest.approx(0.14547, abs=1e-5)  # Wilson, 6 of 20
    assert found.respondents["respondents"].tolist() == [20, 1, 0, 1, 1]


def test_kinds_from_attributes_leave_customers_out(engine: Callable[[pd.DataFrame], Any]) -> None:
    table = pd.DataFrame({"customer_id": range(30), "wants": [5] * 15 + [1] * 15, "rich": ["yes"] * 10 + ["no"] * 20})
    table["is_customer"] = [i % 3 == 0 for i in range(30)]
    found = needs.of_attributes(engine(table), need="wants", ability_to_pay="rich")
    assert found.tiers["respondents"].tolist() == [6, 4, 10]
    with pytest.raises(OpskitError, match="customers lacks 'want'; it has"):
        needs.of_attributes(table, need="want", ability_to_pay="rich")


def ways(**scores: list[float]) -> pd.DataFrame:
    n = len(scores["reach"])
    texts = {"scene": ["bath"] * n, "place": ["home"] * n, "channel": [f"way {i}" for i in range(n)]}
    return pd.DataFrame({**texts, **scores})


TWO = {"reach": [5.0, 2], "precision": [2.0, 5], "cost": [2.0, 2], "team_fit": [4.0, 3]}


def test_scores_and_overtaking_by_hand(engine: Callable[[pd.DataFrame], Any]) -> None:
    found = needs.scenarios(engine(ways(**TWO)))
    # 0.3 * 1 + 0.3 * 0.25 + 0.2 * 0.75 + 0.2 * 0.75, and 0.3 * 0.25 + 0.3 * 1 + 0.2 * 0.75 + 0.2 * 0.5
    assert found.table["score"].tolist() == pytest.approx([0.675, 0.625])
    becomes = found.overtaking.set_index("criterion")["becomes"]
    # ahead by 0.75 r - 0.75 p + 0.25 f; precision p, the others in proportion 3 : 2 : 2: 0.275 / 0.7 * (1 - p) = 0.75 p
    assert becomes["precision"] == pytest.approx(0.275 / 0.7 / (0.275 / 0.7 + 0.75))
    assert becomes[["cost", "team_fit"]].isna().all()  # no weight of these dethrones it
    assert found.weights == pytest.approx({"reach": 0.3, "precision": 0.3, "cost": 0.2, "team_fit": 0.2})


@pytest.mark.parametrize("criterion", ["reach", "precision"])
def test_at_the_weight_named_both_ways_are_level(criterion: str) -> None:
    found = needs.scenarios(ways(**TWO))
    at = found.overtaking.set_index("criterion").loc[criterion, "becomes"]
    rest = 1 - found.weights[criterion]
    moved = [at if name == criterion else weight / rest * (1 - at) for name, weight in found.weights.items()]
    score = needs.scenarios(ways(**TWO), weights=moved).table["score"]
    assert score.iloc[0] == pytest.approx(score.iloc[1])


def test_how_often_first_is_what_geometry_says() -> None:
    """One way better by a on reach, the other by a on precision: with any weights each leads half of the time."""
    even = needs.scenarios(ways(reach=[5.0, 3], precision=[3.0, 5], cost=[2.0, 2], team_fit=[3.0, 3])).table
    assert even["first_any"].tolist() == pytest.approx([0.5, 0.5], abs=0.02)
    # ahead by 2r - p: for Dirichlet(1, 1, 1, 1) p < 2r in two of three
    uneven = needs.scenarios(ways(reach=[5.0, 3], precision=[3.0, 4], cost=[2.0, 2], team_fit=[3.0, 3])).table
    assert uneven["first_any"].iloc[0] == pytest.approx(2 / 3, abs=0.02)
    worse = needs.scenarios(ways(reach=[5.0, 3], precision=[5.0, 4], cost=[1.0, 2], team_fit=[3.0, 3])).table
    assert worse[["first", "first_any"]].iloc[0].tolist() == [1, 1]
    assert worse["first_blurred"].iloc[0] < 1
    alike = needs.scenarios(ways(reach=[3.0, 3], precision=[3.0, 3], cost=[2.0, 2], team_fit=[3.0, 3])).table
    assert alike["first"].tolist() == [0.5, 0.5]


def test_weights_drawn_near_yours_stay_near() -> None:
    far, near = (needs.scenarios(ways(**TWO), concentration=c).table["first"].iloc[0] for c in (5, 500))
    assert 0.5 < far < near


def test_a_worksheet_that_cannot_be_meant_so_is_refused() -> None:
    for change, told in (
        ({"reach": [7.0, 2]}, "reach of 'way 0' at 'home' == 7.0, must be <= 5"),
        ({"cost": [0.0, 2]}, "cost of 'way 0' at 'home' == 0.0, must be >= 1"),
        ({"channel": ["same", "same"]}, "bath – home – same twice"),
    ):
        with pytest.raises(OpskitError, match=told):
            needs.scenarios(ways(**TWO).assign(**change))
    with pytest.raises(OpskitError, match="must be 4: of reach, precision, cost, team_fit"):
        needs.scenarios(ways(**TWO), weights=(1, 2))
    with pytest.raises(OpskitError, match="the weight of cost == 0, must be > 0"):
        needs.scenarios(ways(**TWO), weights=(1, 2, 0, 1))
    with pytest.raises(OpskitError, match="scenarios lacks 'team_fit'"):
        needs.scenarios(ways(**TWO).drop(columns="team_fit"))
