"""The page notebooks: where they are, what they ask and which tables they read."""

import ast
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import opskit
from opskit import contract
from opskit.errors import OpskitError, did_you_mean

READING_ORDER = ("overview", "target_users", "acquisition", "loyalty", "incentives", "monetization", "data_health")


@dataclass(frozen=True)
class Page:
    """One notebook: a page of opskit, or the user's own file."""

    name: str
    path: Path

    @cached_property
    def cells(self) -> list[dict[str, Any]]:
        """Its cells as in the file, each source as one text."""
        try:
            notebook = json.loads(self.path.read_text(encoding="utf-8"))
            return [cell | {"source": "".join(cell["source"])} for cell in notebook["cells"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OpskitError(f"{self.path} cannot be read as a notebook: {error}.") from error

    @property
    def title(self) -> str:
        """Its first heading."""
        heading = re.search(r"^#\s+(.+)", self._opening, re.MULTILINE)
        return plain(heading[1]) if heading else self.name

    @property
    def question(self) -> str:
        """The first sentence after the title."""
        rest = re.sub(r"^#.*$", "", self._opening, flags=re.MULTILINE).strip()
        paragraph = plain(rest.split("\n\n")[0])
        sentence = re.match(r".*?[?？。!]|.*?\.(?=\s|$)", paragraph)
        return sentence[0] if sentence else paragraph

    @property
    def tables(self) -> tuple[str, ...]:
        """Contract tables it reads from ``ds``: those it requires, or else those it mentions."""
        required: list[str] = []
        mentioned: list[str] = []
        for node in (node for cell in self.code for node in ast.walk(_tree(cell))):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name("ds"), attr="require"), args=names):
                    required += [str(name.value) for name in names if isinstance(name, ast.Constant)]
                case ast.Attribute(value=ast.Name("ds"), attr=name) if name in contract.tables():
                    mentioned.append(name)
                case _:
                    pass
        return tuple(dict.fromkeys(required or mentioned))

    @property
    def code(self) -> list[str]:
        """Sources of its code cells."""
        return [cell["source"] for cell in self.cells if cell["cell_type"] == "code"]

    def tagged(self, tag: str) -> str | None:
        """Source of the first code cell with the tag."""
        tagged = (c for c in self.cells if c["cell_type"] == "code" and tag in c.get("metadata", {}).get("tags", []))
        return next((cell["source"] for cell in tagged), None)

    @property
    def _opening(self) -> str:
        return next((cell["source"] for cell in self.cells if cell["cell_type"] == "markdown"), "")


def folder() -> Path:
    """Folder of the page notebooks: inside the installed package, or else in the repository."""
    package = Path(opskit.__file__).parent
    installed = package / "notebooks"
    return installed if installed.is_dir() else package.parents[1] / "notebooks"


def pages() -> dict[str, Page]:
    """Every page by name (overview, loyalty/retention, …), in the order in which one reads them."""
    root = folder()
    found = [
        Page(path.relative_to(root).with_suffix("").as_posix(), path)
        for path in root.rglob("*.ipynb")
        if ".ipynb_checkpoints" not in path.parts
    ]
    return {
        page.name: page for page in sorted(found, key=lambda page: (_place(page.name.partition("/")[0]), page.name))
    }


def _place(topic: str) -> int:
    return READING_ORDER.index(topic) if topic in READING_ORDER else len(READING_ORDER)


def resolve(wanted: Iterable[str], known: Mapping[str, Page]) -> list[Page]:
    """The pages asked for: page names, topic names and paths of notebooks; all pages when none is asked for.

    Raises:
        OpskitError: A name is no page and no file, or two files share a name.
    """
    chosen: dict[str, Page] = {}
    for word in wanted:
        for page in _resolve(word, known):
            if chosen.setdefault(page.name, page).path != page.path:
                raise OpskitError(f"{page.path} and {chosen[page.name].path} are both named {page.name!r}: rename one.")
    return list(chosen.values()) or list(known.values())


def _resolve(word: str, known: Mapping[str, Page]) -> list[Page]:
    path = Path(word).expanduser()
    if path.suffix == ".ipynb":
        if not path.is_file():
            raise OpskitError(f"{word} is not a file. `opskit copy PAGE` makes an editable copy of a page.")
        return [Page(path.stem, path.resolve())]
    name = word.replace("\\", "/").strip("/")
    found = [page for page in known.values() if page.name == name or page.name.startswith(f"{name}/")]
    if not found:
        topics = {page.partition("/")[0] for page in known}
        endings = {page.rpartition("/")[2]: page for page in known}
        hint = did_you_mean(name, [*known, *topics]) or (f" Did you mean {endings[name]!r}?" if name in endings else "")
        raise OpskitError(f"There is no page {word!r}.{hint} The pages are {', '.join(known) or 'none yet'}.")
    return found


def _tree(source: str) -> ast.Module:
    """The cell's syntax; magics and unfinished cells count as empty."""
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.Module([], [])


def plain(markdown: str) -> str:
    """The Markdown's text, without links, emphasis and line breaks."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    return re.sub(r"\s+", " ", re.sub(r"[*_`]{1,3}(\S(?:.*?\S)?)[*_`]{1,3}", r"\1", text)).strip()
