"""A page run on some data, and what its reader sees of it."""

from pathlib import Path

from opskit.reports import execution, warm
from opskit.reports.pages import Page, pages


def ran(page: str | Page, data: Path | str = "shop", **given: object) -> execution.Outcome:
    """The outcome of a page, by its name, with these parameters."""
    found = pages()[page] if isinstance(page, str) else page
    session = execution.Session(warm=warm.available())
    return execution.execute(found, {"data": str(data), **given}, timeout_seconds=300, session=session)


def shown(outcome: execution.Outcome) -> str:
    """Everything printed and every table, as text."""
    return "\n".join(o.get("text", "") + o.get("data", {}).get("text/plain", "") for o in _outputs(outcome))


def prose(outcome: execution.Outcome) -> str:
    """The sentences the page wrote from the figures."""
    return "\n".join(o.get("data", {}).get("text/markdown", "") for o in _outputs(outcome))


def _outputs(outcome: execution.Outcome) -> list:
    return [output for cell in outcome.notebook.cells for output in cell.get("outputs", [])]
