"""The page that gathers every report: what ran, every headline, and what changed."""

import base64
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import opskit
from opskit.reports import numbers
from opskit.reports.html import TEMPLATES

if TYPE_CHECKING:
    import pandas as pd

    from opskit.reports.runner import Result


def render(results: Sequence["Result"], changes: "pd.DataFrame | None") -> str:
    """The index as one HTML file; every text from data is escaped.

    Args:
        results: What became of each job.
        changes: Table of `compare.changes`, when an earlier run is compared.
    """
    import jinja2

    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True)
    script = (TEMPLATES / "index.js").read_text(encoding="utf-8")
    statuses = [result.status for result in results]
    return environment.get_template("index.html.j2").render(
        css=(TEMPLATES / "report.css").read_text(encoding="utf-8")
        + (TEMPLATES / "index.css").read_text(encoding="utf-8"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        version=opskit.__version__,
        counts=[
            (status, statuses.count(status)) for status in ("ok", "skipped", "failed", "stopped") if status in statuses
        ],
        runs=_runs(results),
        figures=[figure for result in results for figure in _figures(result)],
        changes=None if changes is None else [_change(row) for row in changes.to_dict("records")],
    )


def _runs(results: Sequence["Result"]) -> dict[str, list["Result"]]:
    runs: dict[str, list[Result]] = {}
    for result in results:
        runs.setdefault(result.job.run, []).append(result)
    return runs


def _figures(result: "Result") -> list[dict[str, Any]]:
    return [
        figure
        | {"run": result.job.run, "page": result.job.page.name, "link": result.link}
        | {"shown": numbers.estimate(figure["value"], figure["low"], figure["high"], figure["unit"])}
        for figure in result.headline
    ]


def _change(row: dict[Any, Any]) -> dict[str, Any]:
    """A row of changes in words."""
    unit = "pp" if row["unit"] == "share" else row["unit"]
    scale = 100 if row["unit"] == "share" else 1
    change, relative = row["change"], row["relative_change"]
    overlap = row["intervals_overlap"]
    return {
        "run": row["run"],
        "page": row["page"],
        "name": row["name"],
        "before": numbers.estimate(row["value_before"], row["low_before"], row["high_before"], row["unit"]),
        "now": numbers.estimate(row["value"], row["low"], row["high"], row["unit"]),
        "change": numbers.signed(change * scale, unit),
        "change_value": change,
        "relative": numbers.signed(relative * 100, "%"),
        "relative_value": relative,
        "verdict": {"new": "new figure", "gone": "no longer there"}.get(row["found"])
        or ("–" if overlap is None or overlap != overlap else "overlap" if overlap else "apart"),
    }
