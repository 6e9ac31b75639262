"""Pricing: what customers say they would pay, what they do pay, and which price earns most."""

from opskit.monetization.pricing.comparison import SOURCES, Evidence, elasticities, stated_and_actual
from opskit.monetization.pricing.curves import expected
from opskit.monetization.pricing.decisions import Found, decisions, key_figures
from opskit.monetization.pricing.experiment import PriceTest, price_test
from opskit.monetization.pricing.figures import (
    plot_elasticities,
    plot_gabor_granger,
    plot_price_test,
    plot_van_westendorp,
)
from opskit.monetization.pricing.gabor_granger import GaborGranger, gabor_granger
from opskit.monetization.pricing.panel import PricePanel, price_panel
from opskit.monetization.pricing.sales import booked_sales, booked_stream, line_sales
from opskit.monetization.pricing.van_westendorp import VanWestendorp, van_westendorp

__all__ = [
    "SOURCES",
    "Evidence",
    "Found",
    "GaborGranger",
    "PricePanel",
    "PriceTest",
    "VanWestendorp",
    "booked_sales",
    "booked_stream",
    "decisions",
    "elasticities",
    "expected",
    "gabor_granger",
    "key_figures",
    "line_sales",
    "plot_elasticities",
    "plot_gabor_granger",
    "plot_price_test",
    "plot_van_westendorp",
    "price_panel",
    "price_test",
    "stated_and_actual",
    "van_westendorp",
]
