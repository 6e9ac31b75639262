"""What a page shows: its chapter of the playbook and the outputs of its stored notebook."""

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path.relative_to(ROOT / "notebooks").with_suffix("").as_posix() for path in ROOT.glob("notebooks/**/*.ipynb")
)


class Stored:
    """One page as it stands in the repository.

    Attributes:
        chapter: The playbook's text.
        words: The same without line breaks.
        cells: The notebook's cells.
    """

    def __init__(self, page: str) -> None:
        self.chapter = (ROOT / "playbook" / f"{page}.md").read_text(encoding="utf-8")
        self.words = " ".join(self.chapter.split())
        self.cells: list[dict[str, Any]] = json.loads(
            (ROOT / "notebooks" / f"{page}.ipynb").read_text(encoding="utf-8")
        )["cells"]

    def section(self, head: str) -> str:
        """The chapter's text from this heading to the next."""
        (text,) = re.findall(rf"^## {head}.*?$(.*?)(?=^## |\Z)", self.chapter, flags=re.MULTILINE | re.DOTALL)
        return text

    def shown(self, word: str, kind: str = "text/plain") -> list[str]:
        """Texts shown by the one cell that has this tag, or else by the one code cell whose source holds the word."""
        found = [cell for cell in self.cells if word in cell["metadata"].get("tags", [])]
        found = found or [cell for cell in self.cells if cell.get("outputs") and word in "".join(cell["source"])]
        (cell,) = found
        return ["".join(one["data"][kind]) for one in cell["outputs"] if kind in one.get("data", {})]

    @property
    def headline(self) -> list[list[str]]:
        """Rows of the headline cell by cell, its head first."""
        return [re.split(r"\s{2,}", line.strip()) for line in self.shown("headline")[0].splitlines()]

    def value(self, name: str) -> list[float]:
        """Value, low and high of a figure of the headline; nan for a dash."""
        (found,) = [row for row in self.headline if row[0] == name]
        return [float(re.sub(r"[^\d.-]", "", cell) or "nan") for cell in found[1:4]]
