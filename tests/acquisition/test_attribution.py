import datetime as dt
import itertools
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

mpl.use("Agg")
import matplotlib.pyplot as plt

import opskit
from opskit.acquisition import attribution
from opskit.errors import OpskitError, TooLittleDataError

LAST = dt.date(2025, 12, 31)
START = pd.Timestamp("2025-01-01 12:00")
OPTIONS = {"as_of": LAST, "direct": ("direct",), "groups": 2}  # two groups: quick where intervals do not matter


def frame(*paths: str) -> pd.DataFrame:
    """Touches of one customer per text, a day apart; * marks one that converted: "ads search* mail"."""
    rows = [
        (customer, touch.removesuffix("*"), START + pd.Timedelta(days=day), touch.endswith("*"))
        for customer, path in enumerate(paths)
        for day, touch in enumerate(path.split())
    ]
    return pd.DataFrame(rows, columns=["customer_id", "channel", "touched_at", "converted"])


def quick(*paths: str) -> pl.DataFrame:
    """The same for the engine that is quickest on small tables."""
    return pl.from_pandas(frame(*paths))


def credited(table: Any, **options: Any) -> pd.DataFrame:
    """Conversions by channel (rows) and rule."""
    found = attribution.credit(attribution.count_paths(table, **{**OPTIONS, **options}))
    return found.pivot(index="channel", columns="rule", values="credit")


touches = st.lists(
    st.tuples(st.integers(0, 6), st.sampled_from(["a", "b", "c", "direct"]), st.integers(0, 9), st.booleans()),
    min_size=1,
    max_size=40,
).filter(lambda rows: any(row[-1] for row in rows))


def drawn(rows: list[tuple[int, str, int, bool]]) -> pl.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "channel", "day", "converted"])
    table["touched_at"] = START + pd.to_timedelta(table.pop("day"), unit="D")
    return pl.from_pandas(table.assign(value=np.where(table["converted"], 10.0 + np.arange(len(table)) % 7, np.nan)))


# --- laws ---


@settings(max_examples=15, deadline=None)
@given(touches)
def test_every_rule_shares_out_exactly_the_conversions(rows: list[Any]) -> None:
    table = drawn(rows)
    paths = attribution.count_paths(table, **OPTIONS)
    for measure, total in (("conversions", table["converted"].sum()), ("value", table["value"].sum())):
        found = attribution.credit(paths, measure=measure)
        assert (found["credit"] >= -1e-12).all()
        np.testing.assert_allclose(found.groupby("rule")["credit"].sum(), total)
        np.testing.assert_allclose(found.groupby("rule")["share"].sum(), 1)


@settings(max_examples=12, deadline=None)
@given(touches, st.permutations(["a", "b", "c"]))
def test_neither_names_nor_the_order_of_rows_matter(rows: list[Any], names: list[str]) -> None:
    """Without ties in time: those are broken by name, as stated."""
    table = drawn(rows).unique(["customer_id", "touched_at"], maintain_order=True)
    if not table["converted"].any():
        return
    renamed = dict(zip("abc", names, strict=True))
    shuffled = table.with_columns(pl.col("channel").replace(renamed)).sample(fraction=1, shuffle=True, seed=3)
    found = credited(shuffled).sort_index()
    np.testing.assert_allclose(found, credited(table).rename(index=renamed).sort_index(), atol=1e-12)


@settings(max_examples=12, deadline=None)
@given(touches)
def test_channels_that_stand_alike_get_alike_and_one_that_leads_nowhere_nothing(rows: list[Any]) -> None:
    """Each path once more with a and b exchanged; and a channel that only people see who never convert."""
    table = drawn(rows).unique(["customer_id", "touched_at"], maintain_order=True)
    swapped = pl.col("channel").replace({"a": "b", "b": "a"})
    mirrored = table.with_columns(pl.col("customer_id") + 100, swapped)
    nowhere = mirrored.with_columns(
        pl.col("customer_id") + 100, converted=pl.lit(value=False), channel=pl.lit("nowhere")
    )
    if not table["converted"].any():
        return
    found = credited(pl.concat([table, mirrored, nowhere]))
    assert (found.loc["nowhere"] == 0).all()
    if "a" in found.index:
        np.testing.assert_allclose(found.loc["a"], found.loc["b"], atol=1e-12)


def test_a_channel_on_paths_that_others_convert_on_gets_nothing_by_itself() -> None:
    found = credited(quick("a b*", "b*", "a dud", "dud", "b dud dud"))
    assert (found.loc["dud"] == 0).all()


def test_shapley_is_the_mean_over_all_orders_of_arrival() -> None:
    """By definition: what a channel adds to those before it, over every order, the worth being conversions within."""
    table = quick("a b c*", "a d*", "b b*", "c a c b d*", "d", "a*", "b c* d a*")
    held = [set("abc"), set("ad"), set("b"), set("abcd"), set("a"), set("bc"), set("ad")]
    value = dict.fromkeys("abcd", 0.0)
    orders = list(itertools.permutations("abcd"))
    for order in orders:
        for place, name in enumerate(order):
            before = set(order[:place])
            value[name] += sum(one <= before | {name} for one in held) - sum(one <= before for one in held)
    expected = pd.Series(value) / len(orders)
    np.testing.assert_allclose(credited(table)["shapley"], expected)


def test_removal_effects_are_those_of_chains_with_the_channel_taken_out() -> None:
    """The closed form against a chain in which every path into the channel ends."""
    rng = np.random.default_rng(5)
    rows = [(i % 90, "abcde"[rng.integers(5)], int(rng.integers(40)), bool(rng.random() < 0.2)) for i in range(400)]
    paths = attribution.count_paths(drawn(rows), **OPTIONS)
    counts = attribution.chain(paths)
    whole = attribution.conversion_probability(counts)
    effects = attribution.removal_effects(paths).set_index("channel")["removal_effect"]
    for place, name in enumerate("abcde"):
        out = counts.moves.sum(axis=1) + counts.converts + counts.leaves
        moves, ends = counts.moves / out[:, None], counts.converts / out
        ends[place], moves[place] = 0, 0
        without = counts.begins / counts.begins.sum() @ np.linalg.solve(np.eye(5) - moves, ends)
        assert effects[name] == pytest.approx(1 - without / whole), name


# --- by hand ---


def test_rules_by_hand(engine) -> None:
    """One path of four touches, then one of one touch, then a path that led nowhere."""
    found = credited(engine(frame("ads mail ads direct* mail* ads")), half_life_days=1)
    expected = {
        "first": {"ads": 1, "direct": 0, "mail": 1},
        "last": {"ads": 0, "direct": 1, "mail": 1},
        "last_non_direct": {"ads": 1, "direct": 0, "mail": 1},
        "linear": {"ads": 0.5, "direct": 0.25, "mail": 1.25},
        "position": {"ads": 0.5, "direct": 0.4, "mail": 1.1},
        "time_decay": {"ads": (1 + 4) / 15, "direct": 8 / 15, "mail": 2 / 15 + 1},
        "shapley": {"ads": 1 / 3, "direct": 1 / 3, "mail": 4 / 3},
    }
    for rule, shares in expected.items():
        assert found[rule].to_dict() == pytest.approx(shares), rule


def test_repeated_conversions_split_the_path() -> None:
    """Each conversion has a path of its own: the same as that many customers with one each."""
    one, apart = (
        attribution.count_paths(pl.from_pandas(table), **OPTIONS)
        for table in (frame("a b* c* a a b*"), frame("a b*", "c*", "a a b*"))
    )
    assert one.conversions == apart.conversions == 3
    pd.testing.assert_frame_equal(
        attribution.credit(one)[["rule", "credit"]], attribution.credit(apart)[["rule", "credit"]]
    )


def test_touches_of_one_moment_have_a_stated_order(engine) -> None:
    """Those that did not convert stand first, then the channel's name decides."""
    table = frame("z y x*").assign(touched_at=START)
    found = credited(engine(table), rules=["first", "last"])
    assert found["first"].to_dict() == {"x": 0, "y": 1, "z": 0}
    assert found["last"].to_dict() == {"x": 1, "y": 0, "z": 0}


def test_paths_of_only_direct_touches_keep_their_last_one() -> None:
    found = credited(quick("direct direct*", "a direct*"))
    assert found["last_non_direct"].to_dict() == {"a": 1, "direct": 1}
    assert "last_non_direct" not in credited(quick("a b*"))
    assert credited(quick("a b*"), direct=("B",))["last_non_direct"].to_dict() == {"a": 1, "b": 0}


def test_without_null_paths_the_chain_forgets_dead_ends() -> None:
    table = quick("a b*", "a", "a", "b*", "a b*")
    with_nulls, without = (credited(table, rules=["markov"], null_paths=null_paths) for null_paths in (True, False))
    # Without them every b is needed by every path; with them too, but a leads on only two times in four.
    assert with_nulls["markov"].to_dict() == pytest.approx({"a": 3 * (2 / 3) / (5 / 3), "b": 3 / (5 / 3)})
    assert without["markov"].to_dict() == pytest.approx({"a": 3 * (2 / 3) / (5 / 3), "b": 3 / (5 / 3)})
    table = quick("a b*", "a", "a", "b*", "a b*", "c b a*", "c", "c", "c")
    shares = [credited(table, rules=["markov"], null_paths=null_paths)["markov"] for null_paths in (True, False)]
    assert shares[0]["c"] != pytest.approx(shares[1]["c"])


def test_a_half_life_shorter_than_a_day_does_not_underflow() -> None:
    table = frame("a b*")
    table.loc[0, "touched_at"] -= pd.Timedelta(days=3000)
    assert credited(table, half_life_days=0.01)["time_decay"].to_dict() == pytest.approx({"a": 0, "b": 1})


def test_since_and_as_of_cut_the_paths(engine) -> None:
    found = credited(engine(frame("a b c* d*")), since=dt.date(2025, 1, 2), as_of=dt.date(2025, 1, 3))
    assert found["first"].to_dict() == {"b": 1, "c": 0}


@pytest.fixture(scope="module")
def of_the_shop() -> tuple[pd.DataFrame, attribution.Paths]:
    table = pd.read_parquet(Path(__file__).parents[2] / "data/shop/touchpoints.parquet")
    return table, attribution.count_paths(table, as_of=LAST)


def test_engines_and_runs_agree(engine, of_the_shop: tuple[pd.DataFrame, attribution.Paths]) -> None:
    """Counts exactly, sums to 1e-9, ties in time and all; the rows' order changes nothing."""
    table, reference = of_the_shop
    found = attribution.count_paths(engine(table.sample(frac=1, random_state=5)), as_of=LAST)
    pd.testing.assert_frame_equal(reference.steps, found.steps)
    pd.testing.assert_frame_equal(reference.totals, found.totals, rtol=1e-9)
    pd.testing.assert_frame_equal(reference.credits, found.credits, rtol=1e-9)


# --- literature ---


def test_the_toy_example_of_the_literature(engine) -> None:
    """C1>C2>C3 converts, C1 and C2>C3 do not: base 1/3, removal effects .5, 1, 1, shares .2, .4, .4 (Anderl et al. 2016)."""
    paths = attribution.count_paths(engine(frame("C1 C2 C3*", "C1", "C2 C3")), **OPTIONS)
    assert attribution.conversion_probability(attribution.chain(paths)) == pytest.approx(1 / 3)
    effects = attribution.removal_effects(paths).set_index("channel")["removal_effect"]
    assert effects.to_dict() == pytest.approx({"C1": 0.5, "C2": 1, "C3": 1})
    found = attribution.credit(paths).query("rule == 'markov'").set_index("channel")
    assert found["share"].to_dict() == pytest.approx({"C1": 0.2, "C2": 0.4, "C3": 0.4})


@pytest.fixture(scope="module")
def path_data() -> pd.DataFrame:
    """Touches of the 10,000 aggregated paths that come with the mta package, also known from ChannelAttribution."""
    spec = find_spec("mta")
    assert spec is not None
    table = pd.read_csv(Path(spec.submodule_search_locations[0]) / "data" / "data.csv.gz")
    times = table[["total_conversions", "total_null"]].to_numpy().T.ravel()
    which = np.repeat(np.tile(np.arange(len(table)), 2), times)
    converts = np.arange(len(which)) < table["total_conversions"].sum()
    channels = table["path"].str.split(" > ").to_numpy()[which]
    length = np.array([len(path) for path in channels])
    place = np.arange(length.sum()) - np.repeat(length.cumsum() - length, length)
    return pd.DataFrame(
        {
            "customer_id": np.repeat(np.arange(len(which)), length),
            "channel": np.concatenate(channels),
            "touched_at": START + pd.to_timedelta(place, unit="h"),
            "converted": (place == np.repeat(length, length) - 1) & np.repeat(converts, length),
        }
    )


def test_path_data_of_the_literature(path_data: pd.DataFrame) -> None:
    """First, last and linear as ChannelAttribution reports them; the chain solved exactly, where others simulate."""
    paths = attribution.count_paths(pl.from_pandas(path_data), **OPTIONS)
    found = attribution.credit(paths).pivot(index="channel", columns="rule", values="credit")
    expected = {
        "alpha": (6308, 8447, 7574.719, 5344.948),
        "iota": (4606, 3355, 3857.096, 3884.615),
        "eta": (3164, 4167, 3539.951, 3340.847),
        "beta": (2831, 989, 2083.500, 2527.352),
    }
    for channel, figures in expected.items():
        assert found.loc[channel, ["first", "last", "linear", "markov"]].tolist() == pytest.approx(figures, abs=5e-4)
    assert found.loc["theta", "markov"] == pytest.approx(1971.913, abs=5e-4)
    assert paths.conversions == 19_785
    assert attribution.conversion_probability(attribution.chain(paths)) == pytest.approx(0.22384514, abs=5e-9)
    effects = attribution.removal_effects(paths).set_index("channel")["removal_effect"]
    known = {"alpha": 0.558399, "iota": 0.405835, "eta": 0.349026, "beta": 0.264039, "theta": 0.206010}
    assert effects[list(known)].to_dict() == pytest.approx(known, abs=5e-7)


# --- conversions from orders, lift tests ---


def test_orders_tell_what_converted() -> None:
    """The sample shop's own flags, made by another rule in another place, come back."""
    shop = opskit.open("shop", engine="polars")
    told, orders = shop.touchpoints, shop.orders.select("customer_id", "ordered_at", "revenue")
    made = attribution.with_conversions(told.select("customer_id", "channel", "touched_at"), orders, as_of=LAST)
    paths, own = (attribution.count_paths(one, as_of=LAST, rules=["last"]) for one in (made, told))
    assert paths.conversions == own.conversions
    assert paths.value == pytest.approx(own.value)
    # Of two touches of one second the shop takes the other one in a single case.
    assert (paths.channels["converted"] - own.channels["converted"]).abs().sum() <= 2


def test_touchpoints_that_say_what_converted_stay_as_they_are() -> None:
    table = frame("a b*")
    assert attribution.with_conversions(table, as_of=LAST) is table


def test_a_touch_too_long_ago_led_to_nothing(engine) -> None:
    table = frame("a b").drop(columns="converted")
    orders = pd.DataFrame(
        {"customer_id": [0, 0], "ordered_at": START + pd.to_timedelta([5, 6], unit="D"), "revenue": [7.0, 9.0]}
    )
    for days, conversions in ((4, 1), (3.5, 0)):
        made = attribution.with_conversions(engine(table), engine(orders), as_of=LAST, lookback_days=days)
        if conversions:
            paths = attribution.count_paths(made, as_of=LAST)
            assert (paths.conversions, paths.value) == (1, 7.0)  # the earlier order takes the touch
        else:
            with pytest.raises(TooLittleDataError):
                attribution.count_paths(made, as_of=LAST)


TESTS = pd.DataFrame(
    {
        "channel": ["ads", "ads", "posters"],
        "started_at": pd.to_datetime(["2025-01-01", "2025-02-01", "2025-01-01"]),
        "ended_at": pd.to_datetime(["2025-01-31", "2025-12-31", "2025-01-31"]),
        "incremental": [0.0, 5.0, 30.0],
        "standard_error": [2.0, 1.0, 2.0],
    }
)


def test_lift_by_hand(engine) -> None:
    table = frame(*["mail ads*"] * 40)
    found = attribution.lift(engine(TESTS), engine(table), as_of=dt.date(2025, 6, 30))
    assert found["channel"].tolist() == ["ads", "posters"]  # the other one is not over
    assert found["n"].tolist() == [40, 40]
    assert found[["low", "high"]].to_numpy()[0] == pytest.approx([-3.92, 3.92], abs=0.01)
    assert found["share"].tolist() == [0, 0.75]
    assert found["cost"].isna().all()


def test_rules_against_tests_by_hand() -> None:
    table, tests = frame(*["mail ads*"] * 40), pl.from_pandas(TESTS)
    day = dt.date(2025, 6, 30)
    compared = attribution.against_tests(tests, pl.from_pandas(table), as_of=day, rules=["last", "linear"])
    assert compared["credit"].tolist() == [40, 20, 0, 0]
    assert compared["verdict"].tolist() == [attribution.OVER] * 2 + [attribution.UNDER] * 2
    lines = attribution.decisions(*decided(table), compared)
    assert lines[0].startswith("Cut **ads**, or prove it in a larger test: the rules credit it with 20 to 40")
    assert lines[1].startswith("Do not cut **posters** on a rule's word")
    assert lines[2].startswith("Test **mail** next")


def test_a_test_without_conversions_in_its_days_says_nothing() -> None:
    table = frame("ads*")
    found = attribution.lift(TESTS, table, as_of=LAST)
    assert found["n"].tolist() == [1, 0, 1]
    assert np.isnan(found["share"][1])
    compared = attribution.against_tests(TESTS, table, as_of=LAST, rules=["last"])
    assert compared["n"].tolist() == [1, 1]
    assert attribution.against_tests(TESTS.head(0), table, as_of=LAST).empty
    attribution.plot_against_tests(compared.head(0))
    plt.close("all")


def decided(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    paths = attribution.count_paths(table, as_of=LAST)
    return attribution.credit(paths), attribution.disagreement(paths)


# --- what is drawn and said ---


def test_the_title_says_where_rule_and_test_part() -> None:
    table = frame(*["mail ads*"] * 40)
    credit = attribution.credit(attribution.count_paths(table, **OPTIONS))
    tests = attribution.lift(TESTS, table, as_of=dt.date(2025, 6, 30))
    ax = attribution.plot_credit(credit, tests, truth={"ads": 0.1})
    assert ax.get_title(loc="left") == "ads: 100% of conversions by the last touch, 0% in its lift test"
    ax = attribution.plot_credit(credit)
    assert "gets 0% to 100% of the conversions, depending on the rule" in ax.get_title(loc="left").replace("\n", " ")
    plt.close("all")


def test_disagreement_by_hand() -> None:
    _, apart = decided(frame(*["a b*"] * 30, *["c*"] * 30))
    assert apart["channel"].tolist() == ["a", "b", "c"]
    assert apart[["difference", "most_share", "least_share"]].to_numpy()[0] == pytest.approx([0.5, 0.5, 0])
    assert (apart["low"] <= apart["difference"]).all()
    assert (apart["difference"] <= apart["high"]).all()


def test_without_groups_there_are_no_intervals() -> None:
    table = quick(*["a b*"] * 5, "b")
    one, two = (attribution.credit(attribution.count_paths(table, as_of=LAST, groups=groups)) for groups in (1, 2))
    np.testing.assert_allclose(one["credit"], two["credit"])
    assert one[["low", "high"]].isna().all(axis=None)


def test_one_customer_has_credit_without_an_interval() -> None:
    paths = attribution.count_paths(frame("a b*"), **OPTIONS)
    found = attribution.credit(paths)
    assert found["share"].notna().all()
    assert found[["low", "high"]].isna().all(axis=None)
    figures = attribution.key_figures(paths, found, attribution.disagreement(paths))
    assert figures["value"].notna().all()
    attribution.plot_credit(found)
    plt.close("all")


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (frame("a b"), {}, "None of the 2 touches has converted == true"),
        (frame("a b*").assign(channel=None), {}, "2 rows without a channel"),
        (frame("a b*"), {"as_of": dt.date(2024, 1, 1)}, "touchpoints has no rows in the period"),
        (frame("a b*"), {"half_life_days": 0}, "half_life_days == 0, must be > 0."),
        (frame("a b*"), {"ends_share": 0.6}, "ends_share == 0.6, must be <= 0.5."),
        (frame("a b*"), {"rules": ["latest"]}, "rules == 'latest', must be one of"),
        (frame("a b*").drop(columns="converted"), {}, "touchpoints lacks 'converted'"),
        (frame("a b*"), {"groups": 0}, "groups == 0, must be >= 1."),
    ],
)
def test_what_cannot_be_told_is_said_in_one_sentence(
    table: pd.DataFrame, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OpskitError) as refused:
        attribution.count_paths(table, **{**OPTIONS, **options})
    assert message in str(refused.value)


def test_more_refusals() -> None:
    paths = attribution.count_paths(frame("a b*"), **OPTIONS, rules=["last"])
    with pytest.raises(OpskitError, match="conversions have no value"):
        attribution.credit(paths, measure="value")
    with pytest.raises(OpskitError, match="must hold 'markov'"):
        attribution.removal_effects(paths)
    with pytest.raises(OpskitError, match="there are no orders to tell it from"):
        attribution.with_conversions(frame("a b*").drop(columns="converted"), as_of=LAST)
