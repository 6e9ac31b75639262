"""What every stored notebook keeps to, and proof that each rule can fail."""

import ast
import json
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted(p for p in (ROOT / "notebooks").rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
FIVE = """data: str = "shop"  # sample shop, or a path to your own data
as_of: str = ""  # last day to count, YYYY-MM-DD; empty: the last day in the data
where: str = ""  # keep only some customers, e.g. "region=North"
confidence: float = 0.95  # of every interval
seed: int = 7  # of everything random
"""
WIDGET = "application/vnd.jupyter.widget-view+json"


def names(paths):
    return [path.relative_to(ROOT / "notebooks").with_suffix("").as_posix() for path in paths]


def violations(notebook):
    """Every rule that the notebook breaks, in words."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    broken = [*_shape(notebook, code), *_parameters(code), *_outputs(code)]
    for number, cell in enumerate(code, start=1):
        lines = cell.source.rstrip().splitlines()
        broken += [f"cell {number} ends with ;"] if cell.source.rstrip().endswith(";") else []
        broken += [f"cell {number} has {len(lines)} lines"] if len(lines) > 12 else []
        broken += [f"cell {number} uses .style"] if re.search(r"\.style\b", cell.source) else []
        tree = ast.parse(cell.source)
        if any(isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef) for node in ast.walk(tree)):
            broken.append(f"cell {number} defines a function or class")
    return broken


def _shape(notebook, code):
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        yield "counts do not run 1..n"
    if not 20 <= len(notebook.cells) <= 30:
        yield f"{len(notebook.cells)} cells"
    opening = notebook.cells[0].source if notebook.cells[0].cell_type == "markdown" else ""
    if not opening.startswith("# ") or "?" not in opening:
        yield "does not open with a title and a question"
    for tag in ("parameters", "headline", "decision"):
        found = sum(tag in cell.metadata.get("tags", []) for cell in code)
        if found != 1:
            yield f"{found} cells tagged {tag}"
    if [cell.id for cell in notebook.cells] != [f"cell-{i:02d}" for i in range(1, len(notebook.cells) + 1)]:
        yield "ids are not by position"
    if "widgets" in notebook.metadata:
        yield "holds widget state"


def _parameters(code):
    source = next((cell.source for cell in code if "parameters" in cell.metadata.get("tags", [])), "")
    if not (source + "\n").startswith(FIVE):
        yield "parameters do not start with the five that every page has"
    for line, node in zip(source.splitlines(), ast.parse(source).body, strict=False):
        try:
            literal = isinstance(node, ast.AnnAssign) and ast.literal_eval(node.value) is not Ellipsis
        except ValueError:
            literal = False
        if not literal or "  # " not in line:
            yield f"parameter without type, literal or comment: {line}"


def _outputs(code):
    tables = ["<table" in json.dumps([o.get("data", {}).get("text/html", "") for o in c.outputs]) for c in code]
    for i, cell in enumerate(code):
        for output in cell.outputs:
            data = output.get("data", {})
            if output.output_type == "error" or output.get("name") == "stderr":
                yield f"cell {i + 1} has an error or a warning"
            if WIDGET in data:
                yield f"cell {i + 1} holds a live widget"
            if any(kind.startswith("image/") for kind in data) and not any(tables[max(0, i - 1) : i + 2]):
                yield f"cell {i + 1} has a figure without a table beside it"
        stored = [output.get("data", {}) for output in cell.outputs]
        if "headline" in cell.metadata.get("tags", []) and not any("application/json" in data for data in stored):
            yield "the headline stores no figures"
        if "decision" in cell.metadata.get("tags", []) and not any("text/markdown" in data for data in stored):
            yield "the decision stores no text"


def test_there_are_pages():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names(NOTEBOOKS))
def test_stored_notebook(path):
    assert violations(nbformat.read(path, as_version=4)) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names(NOTEBOOKS))
def test_stored_as_the_script_stores_it(path, execute):
    stored = path.read_bytes()
    assert len(stored) < 700_000
    notebook = nbformat.reads(stored.decode(), as_version=4)
    assert execute.text_of(notebook).encode() == stored
    assert notebook.metadata == execute.METADATA
    assert [cell.source for cell in execute.formatted(path).cells] == [cell.source for cell in notebook.cells]
    for place in (str(ROOT), str(Path.home())):
        assert place not in stored.decode()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names(NOTEBOOKS))
def test_one_shape_in_all_trees(path):
    (name,) = names([path])
    assert (ROOT / "playbook" / f"{name}.md").is_file()
    module = ROOT / "src" / "opskit" / name
    assert module.with_suffix(".py").is_file() or (module / "__init__.py").is_file()


def good():
    """The smallest notebook that keeps to every rule."""
    v4 = nbformat.v4
    cells = [v4.new_markdown_cell("# Title\n\nDoes it work?"), v4.new_code_cell(FIVE.rstrip())]
    cells[1].metadata["tags"] = ["parameters"]
    for tag, kind, text in (("headline", "application/json", {"headline": []}), ("decision", "text/markdown", "- act")):
        cell = v4.new_code_cell("1", metadata={"tags": [tag]})
        cell.outputs = [v4.new_output("display_data", {kind: text})]
        cells.append(cell)
    cells += [v4.new_code_cell("2") for _ in range(20)]
    for position, cell in enumerate(cells, start=1):
        cell.id = f"cell-{position:02d}"
    for count, cell in enumerate((cell for cell in cells if cell.cell_type == "code"), start=1):
        cell.execution_count = count
    return v4.new_notebook(cells=cells)


def output(kind="display_data", **data):
    fields = {key.replace("_", "/", 1): value for key, value in data.items()}
    return nbformat.v4.new_output(kind, fields) if kind == "display_data" else nbformat.v4.new_output(kind, **data)


def set_source(cell, source):
    cell.source = source


BREAKS = {
    "counts do not run 1..n": lambda nb: nb.cells[5].update(execution_count=None),
    "cell 6 ends with ;": lambda nb: set_source(nb.cells[6], "x = 1;"),
    "cell 6 has 13 lines": lambda nb: set_source(nb.cells[6], "x = 1\n" * 13),
    "cell 6 uses .style": lambda nb: set_source(nb.cells[6], "df.style.bar()"),
    "cell 6 defines a function or class": lambda nb: set_source(nb.cells[6], "def f(): pass"),
    "19 cells": lambda nb: nb.cells.__delitem__(slice(19, None)),
    "does not open with a title and a question": lambda nb: set_source(nb.cells[0], "# Title"),
    "0 cells tagged headline": lambda nb: nb.cells[2].metadata.clear(),
    "2 cells tagged decision": lambda nb: nb.cells[9].metadata.update(tags=["decision"]),
    "ids are not by position": lambda nb: nb.cells[3].update(id="abc"),
    "holds widget state": lambda nb: nb.metadata.update(widgets={}),
    "parameters do not start with the five that every page has": lambda nb: set_source(
        nb.cells[1], 'data: str = "a"  # b'
    ),
    "parameter without type, literal or comment: x = 3": lambda nb: set_source(nb.cells[1], FIVE + "x = 3"),
    "parameter without type, literal or comment: x: int = f()  # y": lambda nb: set_source(
        nb.cells[1], FIVE + "x: int = f()  # y"
    ),
    "cell 6 has an error or a warning": lambda nb: nb.cells[6].outputs.append(
        output("stream", name="stderr", text="!")
    ),
    "cell 6 holds a live widget": lambda nb: nb.cells[6].outputs.append(
        nbformat.v4.new_output("display_data", {WIDGET: {}})
    ),
    "cell 6 has a figure without a table beside it": lambda nb: nb.cells[6].outputs.append(output(image_png="x")),
    "the headline stores no figures": lambda nb: nb.cells[2].outputs.clear(),
    "the decision stores no text": lambda nb: nb.cells[3].outputs.clear(),
}


def test_the_good_notebook_is_good():
    notebook = good()
    assert violations(notebook) == []
    notebook.cells[6].outputs.append(output(image_png="x"))
    notebook.cells[7].outputs.append(output(text_html="<table></table>"))
    assert violations(notebook) == []


@pytest.mark.parametrize("message", BREAKS)
def test_every_rule_can_fail(message):
    notebook = good()
    BREAKS[message](notebook)
    assert message in violations(notebook)
