"""Sheets as survey tools export them, one row a respondent and one column an item, read as rows of the table surveys."""

import re
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import frames
from opskit.errors import OpskitError, check
from opskit.target_users.needs.answers import plain
from opskit.target_users.needs.words import as_rank, has_kano_word

if TYPE_CHECKING:
    import pandas as pd

# Looked for in this order: "dysfunctional" holds "functional", and 没有 holds 有.
_WITHOUT = ("dysfunctional", "without", "not provided", "negative", "不具备", "不提供", "没有", "反向", "无", "缺少")
_WITH = ("functional", "with", "provided", "positive", "具备", "提供", "有", "正向")
_PARTS = re.compile(r"[:：_|—()（）]+|\s-\s")
_NUMBER = re.compile(r"^\s*[Qq]?\d+\s*[.、．:：)）]\s*")


def said(dataset: Any, sheet: str) -> Any:
    """What people said, as rows of the table surveys: from a sheet where the dataset has it, else from that table.

    Args:
        dataset: Of `opskit.open`.
        sheet: ``"need_ranks"`` or ``"kano_answers"``.

    Raises:
        MissingTableError: The dataset has neither.
        OpskitError: As `ranked_sheet` and `kano_sheet`.
    """
    read = {"need_ranks": ranked_sheet, "kano_answers": kano_sheet}
    check(sheet, "sheet", among=read)
    return read[sheet](getattr(dataset, sheet)) if sheet in dataset.tables else dataset.surveys


def ranked_sheet(sheet: Any) -> Any:
    """A sheet of ranks as rows of the table surveys.

    Args:
        sheet: Any engine's frame with respondent_id; every further column whose cells are all ranks or empty is a need.
            Other columns are kept as attributes of the respondent.

    Returns:
        The same kind of frame: respondent_id, survey, question (``rank``), item, answer, and the attributes.

    Raises:
        OpskitError: Fewer than two columns hold ranks.

    >>> import pandas as pd
    >>> sheet = pd.DataFrame({"respondent_id": ["1"], "sex": ["f"], "1、排序:正品": ["2"], "1、排序:价格": ["1"]})
    >>> ranked_sheet(sheet)[["item", "answer", "sex"]].values.tolist()
    [['正品', '2', 'f'], ['价格', '1', 'f']]
    """
    lf = frames.lazy(sheet, "respondent_id", table="need_ranks")
    held = _held(lf)
    needs = [name for name, cells in held.items() if len(cells) and all(as_rank(cell) is not None for cell in cells)]
    if len(needs) < 2:
        raise OpskitError(
            f"need_ranks has {len(needs)} columns of ranks, must be at least 2; its columns are "
            f"{', '.join(map(repr, held))}. A cell of a need holds 1, 2, 3 … or nothing."
        )
    labels = dict(zip(needs, _items(needs), strict=True))
    long = _survey(lf, needs, "need_ranks").with_columns(
        nw.lit("rank").alias("question"), _mapped(labels).alias("item")
    )
    return frames.like(long.drop("_column"), sheet)


def kano_sheet(sheet: Any) -> Any:
    """A sheet of Kano answers as rows of the table surveys.

    Args:
        sheet: Any engine's frame with respondent_id and two columns for each feature, one of whose headers says how it
            is with the feature and one how it is without ("wipes: with" and "wipes: without", 湿巾（有） and 湿巾（没有）, or a
            question of a survey tool before the feature, 如果没有该功能:湿巾). Columns without Kano's words or numbers are
            kept as attributes.

    Returns:
        The same kind of frame: respondent_id, survey, question (``functional``, ``dysfunctional``), item, answer, and
        the attributes.

    Raises:
        OpskitError: No feature has both columns.

    >>> import pandas as pd
    >>> sheet = pd.DataFrame({"respondent_id": ["1"], "湿巾（有）": ["我很喜欢"], "湿巾（没有）": ["无所谓"]})
    >>> kano_sheet(sheet)[["question", "item", "answer"]].values.tolist()
    [['functional', '湿巾', '我很喜欢'], ['dysfunctional', '湿巾', '无所谓']]
    """
    lf = frames.lazy(sheet, "respondent_id", table="kano_answers")
    held = _held(lf)
    sides = {name: found for name, cells in held.items() if has_kano_word(cells) and (found := _side(name))}
    both = {item for _, item in sides.values() if {("functional", item), ("dysfunctional", item)} <= {*sides.values()}}
    columns = [name for name, (_, item) in sides.items() if item in both]
    if not columns:
        raise OpskitError(
            "kano_answers has no feature with both columns, such as 'wipes: with' and 'wipes: without'; its columns are "
            f"{', '.join(map(repr, held))}."
        )
    if len(columns) != 2 * len(both):
        raise OpskitError(f"kano_answers has a feature's column twice among {', '.join(map(repr, columns))}.")
    question, item = ({name: sides[name][part] for name in columns} for part in (0, 1))
    long = _survey(lf, columns, "kano_answers")
    long = long.with_columns(_mapped(question).alias("question"), _mapped(item).alias("item"))
    return frames.like(long.drop("_column"), sheet)


def _held(lf: nw.LazyFrame[Any]) -> "dict[str, pd.Series[str]]":
    """Distinct filled cells of every column but the respondent's."""
    columns = [name for name in lf.collect_schema().names() if name != "respondent_id"]
    if not columns:
        return {}
    cells = _long(lf, columns, []).group_by("_column", "answer").agg(nw.len().alias("n"))
    table = frames.collect(cells).dropna(subset=["answer"]).sort_values(["_column", "answer"])
    return {name: table.loc[table["_column"] == name, "answer"] for name in columns}


def _long(lf: nw.LazyFrame[Any], columns: list[str], index: list[str]) -> nw.LazyFrame[Any]:
    """One row per row and column; Narwhals' own unpivot leaves the connection that a DuckDB relation lives on."""
    parts = [
        lf.select(*index, nw.col(name).cast(nw.String).alias("answer")).with_columns(nw.lit(name).alias("_column"))
        for name in columns
    ]
    return nw.concat(parts)


def _survey(lf: nw.LazyFrame[Any], columns: list[str], name: str) -> nw.LazyFrame[Any]:
    index = [one for one in lf.collect_schema().names() if one not in columns]
    return _long(lf, columns, index).with_columns(nw.lit(name).alias("survey"))


def _mapped(words: dict[str, str]) -> nw.Expr:
    expression = nw.lit(None, dtype=nw.String)
    for name, word in words.items():
        expression = nw.when(nw.col("_column") == name).then(nw.lit(word)).otherwise(expression)
    return expression


def _items(headers: list[str]) -> list[str]:
    """What the headers name: the part after a question that all of them begin with."""
    parts = [re.split(r"[:：]", header, maxsplit=1) for header in headers]
    if all(len(part) == 2 and part[1].strip() for part in parts) and len({part[0] for part in parts}) == 1:
        return [part[1].strip() for part in parts]
    return headers


def _side(header: str) -> tuple[str, str] | None:
    """Which question about which feature a header asks."""
    parts = [part.strip() for part in _PARTS.split(_NUMBER.sub("", header)) if part.strip()]
    sides = (("dysfunctional", _WITHOUT), ("functional", _WITH))
    for question, words in sides:
        for place, part in enumerate(parts):
            if plain(part) in words and len(parts) > 1:
                return question, " ".join(parts[:place] + parts[place + 1 :])
    # A survey tool puts its whole question before the feature; the feature itself may hold such a word.
    for question, words in sides:
        if any(word in plain(part) for part in parts[:-1] for word in words):
            return question, parts[-1]
    return None
