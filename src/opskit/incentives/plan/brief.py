"""The plan on one page, as people sign it: HTML for the report, and a page of its own to print."""

import datetime as dt
import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opskit import plots
from opskit.incentives.experiment.measures import MEASURES
from opskit.incentives.plan.audience import Audience
from opskit.incentives.plan.claims import rule_of
from opskit.incentives.plan.expected import MEASURED
from opskit.incentives.plan.flags import WHOLE

if TYPE_CHECKING:
    import pandas as pd

HEADS = ("Who, and goal", "What, and where", "How they are told", "Customers, cost", "KPI")
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
@page {{ size: A4 landscape; margin: 12mm; }}
body {{ margin: 24px; color: #1c2733; font: 12.5px/1.45 "Helvetica Neue", Arial, "Noto Sans SC", "Microsoft YaHei", "PingFang SC", sans-serif; }}
h1 {{ margin: 0 0 2px; font-size: 1.7em; }}
table {{ width: 100%; border-collapse: collapse; margin: 10px 0; }}
th, td {{ padding: 6px 10px 6px 0; text-align: left; vertical-align: top; border-bottom: 1px solid #d5dce3; }}
thead th {{ color: #5b6b7b; border-bottom: 2px solid #0b6e74; white-space: nowrap; }}
tr {{ break-inside: avoid; }}
small {{ color: #5b6b7b; font-size: 0.9em; }}
em {{ color: #b3261e; font-style: normal; }}
.short {{ white-space: nowrap; }}
@media print {{ body {{ margin: 0; font-size: 8pt; line-height: 1.35; }} th, td {{ padding: 3px 10px 3px 0; }} p {{ margin: 6px 0; }} }}
</style></head><body><h1>{title}</h1>
{body}
</body></html>
"""


@dataclass(frozen=True, repr=False)
class Brief:
    """The plan as an HTML table; a notebook shows it as such.

    Attributes:
        html: Without styles, scripts or links, every text of the worksheet escaped.
        rows: Of the plan.
    """

    html: str
    rows: int

    def __repr__(self) -> str:
        return f"the plan on one page, {self.rows} rows"

    def _repr_html_(self) -> str:
        return self.html


def brief(
    found: Audience,
    figures: "pd.DataFrame",
    flags: "pd.DataFrame",
    *,
    currency: str = "",
) -> Brief:
    """The plan as an HTML table, one row for each row of the plan, with what it is expected to come to and its flags.

    Args:
        found: From `audience`.
        figures: From `expected`.
        flags: From `flags`.
        currency: Of the amounts.

    Returns:
        Brief.
    """
    rows = zip(found.plan.to_dict("records"), figures.to_dict("records"), strict=True)
    body = "\n".join(_row(plan, row, flags, currency) for plan, row in rows)
    head = "".join(f"<th>{name}</th>" for name in HEADS)
    sent, aside = int(figures["to_be_sent"].sum()), int(figures["held_out"].sum())
    most = plots.money(float(figures["cost_at_most"].sum(min_count=1)), currency)
    back = int(figures["kept_back"].sum())
    whole = flags[flags["row"] == WHOLE]["value"]
    left = "".join(f"<br><em>{html.escape(value)}</em>" for value in whole)
    text = (
        f"<p>As of {found.as_of}: <strong>{sent:,} customers</strong> get a message, {aside:,} are held out, {back:,} kept back. "
        f"Costs at most <strong>{html.escape(most)}</strong>.{left}</p>\n"
        f'<table class="brief">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n'
        f"<p>Agreed: marketing ________________ · customer operations ________________ · finance ________________ · day ____________</p>"
    )
    return Brief(text, len(figures))


def page(body: Brief, *, as_of: dt.date, name: str = "") -> str:
    """The brief as an HTML file of its own, one landscape A4 page to print.

    Args:
        body: From `brief`.
        as_of: Day of the plan.
        name: Of the business.
    """
    title = f"Incentive plan{f' of {name}' if name else ''}, {as_of}"
    return _PAGE.format(title=html.escape(title), body=body.html)


def _row(plan: dict[Any, Any], row: dict[Any, Any], flags: "pd.DataFrame", currency: str) -> str:
    several = flags["row"].str.split(" + ", regex=False)
    mine = flags[[plan["row"] in names for names in several]]
    raised = f"<br><em>{html.escape(', '.join(mine['flag']))}</em>" if len(mine) else ""
    cells = (
        f"<strong>{_text(plan['segment'])}</strong><br>{plan['goal']}<br><small>{_text(rule_of(plan))}</small>{raised}",
        _means(plan, currency),
        _told(plan),
        _reach(plan, row, currency),
        _kpi(plan, row, currency),
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _text(value: Any) -> str:
    return html.escape(str(value))


def _means(plan: dict[Any, Any], currency: str) -> str:
    cost = "cost not known" if plan["unit_cost"] != plan["unit_cost"] else plots.money(plan["unit_cost"], currency)
    drive = f"{plan['drive']}, " if plan["drive"] else ""
    return f"<strong>{_text(plan['means'])}</strong><br>{_text(plan['scene'] or '–')}<br><small>{drive}{_text(cost)} each</small>"


def _told(plan: dict[Any, Any]) -> str:
    cap = "no cap" if plan["cap"] != plan["cap"] else f"at most {plan['cap']:g} in {plan['cap_days']:g} days"
    return f"<strong>{_text(plan['medium'])}</strong>, {plan['messages']:g} ×<br>{_text(plan['message'] or '–')}<br><small>{cap}</small>"


def _lines(*lines: str) -> str:
    """Lines that are not broken."""
    return "<br>".join(f'<span class="short">{line}</span>' for line in lines if line)


def _reach(plan: dict[Any, Any], row: dict[Any, Any], currency: str) -> str:
    return _lines(
        f"<strong>{row['to_be_sent']:,}</strong> sent, {row['held_out']:,} held out",
        f"<small>{row['kept_back']:,} of {row['people']:,} kept back</small>",
        f"<strong>{_text(plots.money(row['cost_at_most'], currency))}</strong> at most",
        f"<small>{plots.number(row['cost_each'])} a customer expected</small>",
        f"until {plan['until']}" if plan["until"] else "",
    )


def _kpi(plan: dict[Any, Any], row: dict[Any, Any], currency: str) -> str:
    if plan["kpi"] not in MEASURED:
        return _text(plan["kpi"] or "–")
    measure = MEASURES[plan["kpi"]]
    told = plots.percent if measure.unit == "share" else plots.number
    unit = f" {currency}" if measure.unit == "money" and currency else ""
    hoped = "" if row["hoped"] != row["hoped"] else f" → {told(row['base'] * (1 + row['hoped']))}"
    shown = "–" if row["visible"] != row["visible"] else f"+{plots.percent(row['visible'])}"
    return (
        _lines(
            f"<strong>{_text(plan['kpi'])}</strong> in {plan['kpi_days']:g} days",
            f"{told(row['base'])}{hoped}{_text(unit)}",
            f"<small>visible from {shown}</small>",
        )
        + f"<br><small>experiment: {_text(plan['experiment'] or 'none')}</small>"
    )
