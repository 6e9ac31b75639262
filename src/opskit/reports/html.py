"""An executed notebook as one self-contained HTML file that asks the network for nothing."""

import copy
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import opskit
from opskit.reports.numbers import NOT_YET
from opskit.reports.pages import plain

_LOCAL = threading.local()
TEMPLATES = Path(__file__).parent / "templates"
# fmt: off
TAGS = [
    "a", "abbr", "b", "blockquote", "br", "caption", "code", "col", "colgroup", "dd", "del", "details", "div", "dl",
    "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "li", "ol", "p", "pre", "s", "small", "span",
    "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
]
# fmt: on
SHORT = 16
"""Texts in tables up to this length are not broken into lines."""
SHOWN = ["text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/plain"]
_WIDGET = "application/vnd.jupyter.widget-view+json"
_NUMBER = re.compile(r"[-+−–]?[¥$€£]?\d[\d,]*(\.\d+)?([eE][-+]?\d+)?\s?%?|NaN|nan|NaT|None|<NA>|&lt;NA&gt;|–|inf|-inf")
_INVISIBLE = re.compile(r"<(style|script)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_ONLY_DEAD_LINKS = re.compile(r"<p>(?:\s|[·|,.]|<a>[^<]*</a>)+</p>")
_MISSING = {"NaN", "nan", "NaT", "None", "<NA>", "&lt;NA&gt;", NOT_YET}


@dataclass(frozen=True)
class Head:
    """What stands above a report's cells."""

    run: str
    page: str
    title: str
    facts: list[tuple[str, str]]
    reason: str
    index: str
    notebook: str


def render(notebook: Any, head: Head) -> str:
    """The report of an executed notebook: headline and decision on top, code folded, data text inert.

    Args:
        notebook: The executed notebook; it is not changed.
        head: What to write above its cells.
    """
    body = copy.deepcopy(notebook)
    _drop_widgets(body)
    if head.reason:
        _cut(body)
    headline, decision = _take(body, "headline", "text/html"), _take(body, "decision", "text/markdown")
    report = vars(head) | {
        "css": (TEMPLATES / "report.css").read_text(encoding="utf-8"),
        "version": opskit.__version__,
        "lead": _take_lead(body),
        "contents": _contents(body),
        "headline": headline,
        "decision": decision,
    }
    html, _ = _exporter().from_notebook_node(body, resources={"report": report})
    return html


def begin() -> None:
    """Load what reports are made with, so that the first one need not wait for it."""
    _exporter()
    clean(tables("<table></table>"))


def clean(html: str) -> str:
    """The HTML without anything that runs or loads: scripts, handlers, styles, remote images, links between files."""
    import bleach

    visible = _INVISIBLE.sub("", str(html))
    protocols = ["http", "https", "mailto", "data"]
    safe = bleach.clean(visible, tags=TAGS, attributes=_allowed, protocols=protocols, strip=True)
    return _ONLY_DEAD_LINKS.sub("", safe)


def tables(html: str) -> str:
    """The HTML with numbers in tables aligned right, missing ones as a dash, and no column that only counts rows."""
    from bs4 import BeautifulSoup

    if "<table" not in html:
        return html
    soup = BeautifulSoup(html, "html.parser")
    for table in soup.find_all("table"):
        _drop_row_numbers(table)
        _merge_head(table)
        rows = [row.find_all(["th", "td"]) for row in table.find_all("tr")]
        if table.tbody is not None and not table.tbody.find("tr"):
            table.tbody.append(_no_row(soup, max(map(len, rows), default=1)))
        numeric = [_mark(row) for row in rows]
        for cells in rows:
            if not any(cell.name == "td" for cell in cells):
                columns = [marks for marks in numeric if len(marks) == len(cells) and any(marks)]
                for cell, *marks in zip(cells, *columns, strict=False):
                    cell["class"] = ["num"] if sum(marks) * 2 > len(marks) else []
    return str(soup)


def _no_row(soup: Any, columns: int) -> Any:
    """A row that says that the table has none, so that nobody takes it for one that was cut off."""
    row, cell = soup.new_tag("tr"), soup.new_tag("td", attrs={"colspan": columns, "class": "none"})
    cell.string = "no rows"
    row.append(cell)
    return row


def _drop_row_numbers(table: Any) -> None:
    """Remove pandas' default index: first cells that are empty in the head and 0, 1, 2, … in the body."""
    first = [row.find(["th", "td"]) for row in table.find_all("tr")]
    if len(first) > 1 and all(cell is not None and cell.name == "th" for cell in first):
        texts = [cell.get_text().strip() for cell in first]
        if texts == ["", *map(str, range(len(first) - 1))]:
            for cell in first:
                cell.decompose()


def _merge_head(table: Any) -> None:
    """Write pandas' two head rows (names of the columns, then names of the index) as one."""
    rows = [row.find_all("th") for row in table.select("thead tr")]
    if len(rows) != 2 or len(rows[0]) != len(rows[1]):
        return
    index = [bool(cell.get_text().strip()) for cell in rows[1]]
    if any(index) and not all(index) and index == sorted(index, reverse=True):
        for above, below, names in zip(*rows, index, strict=True):
            if names:
                above.string = below.get_text()
        rows[1][0].parent.decompose()


def _mark(cells: list[Any]) -> list[bool]:
    """Mark a row's numbers; tells which cells are numbers."""
    marks: list[bool] = []
    for cell in cells:
        text = cell.get_text().strip()
        marks.append(cell.name == "td" and bool(_NUMBER.fullmatch(text)))
        if marks[-1]:
            cell["class"] = ["num", "none"] if text in _MISSING else ["num"]
        elif len(text) <= SHORT:
            cell["class"] = ["short"]
        if marks[-1] and text in _MISSING:
            cell.string = NOT_YET
    return marks


def _allowed(tag: str, name: str, value: str) -> bool:
    if name == "href":
        return tag == "a" and value.startswith(("https://", "http://", "mailto:", "#"))
    if name == "src":
        return tag == "img" and value.startswith("data:image/")
    return name in {"class", "id", "colspan", "rowspan", "alt", "title", "start"}


def _take(notebook: Any, tag: str, kind: str) -> str:
    """Take the tagged cell's output out of the notebook, with the heading above it when nothing else is below that."""
    cells = notebook.cells
    for position, cell in enumerate(cells):
        shown = [output.data[kind] for output in cell.get("outputs", []) if kind in output.get("data", {})]
        if tag in cell.metadata.get("tags", []) and shown:
            del cells[position]
            start, end = position - 1, position
            while start >= 0 and _shows_nothing(cells[start]):
                start -= 1
            while end < len(cells) and _shows_nothing(cells[end]):
                end += 1
            if start >= 0 and _is_heading(cells[start]) and (end == len(cells) or _is_heading(cells[end])):
                del cells[start]
            return "".join(shown)
    return ""


def _shows_nothing(cell: Any) -> bool:
    return cell.cell_type == "code" and not cell.outputs


def _is_heading(cell: Any) -> bool:
    return cell.cell_type == "markdown" and cell.source.lstrip().startswith("##")


def _drop_widgets(notebook: Any) -> None:
    """Leave out sliders and menus, which do nothing without a kernel, and the sections that have nothing else to show."""
    sections: list[list[Any]] = [[]]
    for cell in notebook.cells:
        if _is_heading(cell):
            sections.append([])
        sections[-1].append(cell)
    notebook.cells = [cell for section in sections if not _only_widgets(section) for cell in section]


def _only_widgets(section: list[Any]) -> bool:
    """Drop the section's widgets; tells whether there were any and nothing is left."""
    code = [cell for cell in section if cell.cell_type == "code"]
    before = sum(len(cell.outputs) for cell in code)
    for cell in code:
        cell.outputs = [output for output in cell.outputs if _WIDGET not in output.get("data", {})]
    return before > 0 and not any(cell.outputs for cell in code)


def _cut(notebook: Any) -> None:
    """Leave out what stands after the last cell that ran."""
    ran = [position for position, cell in enumerate(notebook.cells) if cell.get("execution_count")]
    del notebook.cells[max(ran, default=-1) + 1 :]


def _take_lead(notebook: Any) -> str:
    """Take out the opening cell; its text without the title."""
    if not notebook.cells or notebook.cells[0].cell_type != "markdown":
        return ""
    return re.sub(r"^#\s.*$", "", notebook.cells.pop(0).source, count=1, flags=re.MULTILINE).strip()


def _contents(notebook: Any) -> list[tuple[str, str]]:
    """Anchors and texts of the second-level headings; each such cell is told its anchor."""
    found: list[tuple[str, str]] = []
    for cell in notebook.cells:
        heading = re.search(r"^##\s+(.+)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else None
        if heading:
            cell.metadata["anchor"] = f"section-{len(found) + 1}"
            found.append((cell.metadata["anchor"], plain(heading[1])))
    return found


def _exporter() -> Any:
    """This thread's exporter: it keeps filters of the notebook at hand, so threads cannot share one."""
    if not hasattr(_LOCAL, "exporter"):
        from nbconvert.exporters.html import HTMLExporter
        from traitlets.config import Config

        _LOCAL.exporter = HTMLExporter(
            config=Config({"NbConvertBase": {"display_data_priority": SHOWN}}),
            template_name="report",
            extra_template_basedirs=[str(TEMPLATES)],
            default_preprocessors=[],
            exclude_anchor_links=True,
            filters={"clean": clean, "tables": tables},
        )
        _LOCAL.exporter.log.setLevel("CRITICAL")
    return _LOCAL.exporter
