"""The playbook page says what the stored notebook says."""

import re

from stored import Stored

STORED = Stored("loyalty/journey")


def shown(call: str) -> str:
    """What the cell that calls the function shows."""
    return "\n".join(STORED.shown(f"= journey.{call}("))


def test_figures_repeated_in_the_text_are_those_of_the_notebook() -> None:
    (naive,) = STORED.shown("naive = ")
    assert re.search(r"buy\s+2258 0\.5645", naive)
    assert "over everybody who ever came, is 56%" in STORED.words
    receive = re.search(r"receive\s+2013\s+1852 (0\.99\d+)", shown("waiting"))
    assert receive
    assert "99% of the parcels arrive" in STORED.chapter
    assert "93.3% receive their parcel" in STORED.chapter
    assert re.search(r"receive\s+1915\s+1787\s+128 0\.9332", shown("plot_funnel"))


def test_the_verdicts_of_the_page_are_those_of_the_notebook() -> None:
    """Waiting and the product go along; most lost is not most revenue; segments differ; few open leads convert."""
    verdict = re.findall(
        r"(browse|confirm|pay|receive).*?(holds|does not hold|not enough data)\s*$", shown("next_orders"), re.M
    )
    assert ("confirm", "holds") in verdict
    assert shown("by_wait").rstrip().endswith("holds")
    figures = {row[0]: row for row in STORED.headline}
    (most,) = [name for name in figures if "where most are lost" in name]
    (dear,) = [name for name in figures if name.startswith("Lost before")]
    assert "review" in most
    assert "browse" in dear
    assert "Ask what **short_video** customers expected" in STORED.shown("decision")[0]
    conversions, late = figures["Conversions of open leads in the next 90 days"], figures["Open leads overdue"]
    assert int(conversions[3].split()[0]) < 0.1 * int(late[4])
    assert (
        "first holds for waiting and for the product, the second and the fourth do not, and neither does the third"
        in STORED.chapter
    )
