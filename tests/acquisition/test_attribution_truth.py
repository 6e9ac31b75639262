"""Attribution on the sample shop: rules and tests find what they should, and no rule finds what is caused."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import opskit
from opskit.acquisition import attribution
from opskit.sample import truth
from opskit.sample.tables import lift_tests, touchpoints
from opskit.sample.world import LAST_DAY, World

TRUTH = opskit.open("shop").truth["derived"]
TESTED = ("retargeting", "search_ads", "short_video")


def estimates(touches: pl.DataFrame, tests: pl.DataFrame, *channels: str) -> pd.DataFrame:
    """estimate, low and high of planted shares by their name in truth.json."""
    paths = attribution.count_paths(touches, as_of=LAST_DAY, rules=["last"])
    shares = attribution.credit(paths).set_index("channel")[["share", "share_low", "share_high"]]
    shares.index = "last_touch_share." + shares.index
    found = attribution.lift(tests, touches, as_of=LAST_DAY).set_index("channel")[["share", "share_low", "share_high"]]
    found.index = "tested_conversions." + found.index
    both = pd.concat([shares, found]).set_axis(["estimate", "low", "high"], axis=1)
    return both.loc[[*(name for name in both.index if name.split(".")[1] in channels)]] if channels else both


def test_the_committed_shop_tells_its_truth() -> None:
    ds = opskit.open("shop", engine="polars")
    found = estimates(ds.touchpoints, ds.lift_tests)
    assert len(found) == 10
    for name, row in found.iterrows():
        figure = TRUTH[name]
        standard_error = (row["high"] - row["low"]) / (2 * 1.96)
        assert abs(row["estimate"] - figure["value"]) <= 4 * standard_error, name
        assert row["high"] - row["low"] <= figure["max_interval_width"], name


def test_no_rule_finds_what_the_channels_cause() -> None:
    """Of each channel with a planted truth every rule's interval leaves it out, but for one or two lucky ones."""
    ds = opskit.open("shop", engine="polars")
    credit = attribution.credit(attribution.count_paths(ds.touchpoints, as_of=ds.as_of))
    caused = {name.split(".")[1]: TRUTH[name]["value"] for name in TRUTH if name.startswith("incremental_conversions.")}
    assert set(caused) == {"short_video", "search_ads", "influencer", "retargeting", "wechat"}
    known = credit[credit["channel"].isin(caused)]
    right = known["channel"].map(caused).between(known["share_low"], known["share_high"])
    assert right.groupby(known["rule"]).mean().max() <= 0.4
    far = (known["share"] - known["channel"].map(caused)).abs().groupby(known["rule"]).max()
    assert (far > 0.15).all()


@pytest.mark.slow
def test_intervals_cover_the_truth() -> None:
    """400 small shops: a 95% interval covers 364 to 393 times, the middle 99.9% of that binomial count."""
    names = [f"last_touch_share.{channel}" for channel in ("retargeting", "organic_search", "influencer")]
    names += [f"tested_conversions.{channel}" for channel in TESTED]
    known = pd.Series({name: TRUTH[name]["value"] for name in names})
    covered = pd.Series(0, index=names)
    for seed in range(400):
        chunk = World(truth.values(), 2000, 24, 1000 + seed).chunk(0)
        touches, tests = (
            pl.DataFrame(
                {name: chunk.table(table.__name__.split(".")[-1])[name] for name in table.COLUMNS}, strict=False
            )
            for table in (touchpoints, lift_tests)
        )
        found = estimates(touches.with_columns(pl.col("value").fill_nan(None)), tests).loc[names]
        covered += (found["low"] <= known) & (known <= found["high"])
    assert covered.between(364, 393).all(), covered.to_dict()


def test_a_channel_that_causes_more_is_found_to_cause_more() -> None:
    """The same shop twice: retargeting shown before more orders gets more credit, and still causes nothing."""
    found = []
    for share in (0.1, 0.6):
        chunk = World({**truth.values(), "retargeting.share": share}, 3000, 24, 5).chunk(0)
        columns = {name: chunk.table("touchpoints")[name] for name in touchpoints.COLUMNS}
        tests = pl.DataFrame({name: chunk.table("lift_tests")[name] for name in lift_tests.COLUMNS})
        found.append(estimates(pl.DataFrame(columns, strict=False), tests, "retargeting")["estimate"].to_numpy())
    assert found[1][0] > found[0][0] + 0.3
    assert np.abs([one[1] for one in found]).max() < 0.2
