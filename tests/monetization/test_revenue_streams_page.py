"""The playbook page says what the stored notebook says."""

import re

from stored import Stored

STORED = Stored("monetization/revenue_streams")


def test_what_the_text_says_of_the_figures_is_true() -> None:
    value = {row[0]: float(re.sub(r"[^\d.-]", "", row[1])) for row in STORED.headline[1:]}
    assert value["Change of the take rate by rate"] > 0 > value["Change of the take rate by mix"]
    assert abs(value["Change of the take rate by mix"]) > value["Change of the take rate by rate"]
    year = value["Front-end revenue, last 12 months"] + value["Back-end revenue, last 12 months"]
    assert 1.9 < value["Revenue of the next 12 months"] / year < 2.3  # "doubles"
    decision = STORED.shown("decision", "text/markdown")[0]
    (more,) = re.findall(r"multiplies to ([\d.]+%) more revenue", decision)
    assert f"multiplies to {more} more revenue" in STORED.words
    assert "had what came **inside** its interval" in decision
    assert "earlier held what came" in STORED.chapter
