import itertools
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

mpl.use("Agg")
import matplotlib.pyplot as plt

from opskit import plots
from opskit.plots import formats, marks, style


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    with mpl.rc_context():
        yield
    plt.close("all")


def pixels(text: str) -> np.ndarray:
    ax = plots.axes(size=(3, 1))
    ax.set_axis_off()
    ax.text(0.1, 0.3, text, fontsize=30)
    figure = ax.get_figure()
    figure.canvas.draw()
    image = np.asarray(figure.canvas.buffer_rgba())[..., 0].copy()
    plt.close(figure)
    return image


def test_chinese_is_drawn_without_a_missing_glyph() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = pixels("客户经营")
    assert (drawn < 128).sum() > 500
    # Two boxes for missing glyphs would be the same picture.
    assert (pixels("客户") != pixels("经营")).any()


def test_the_missing_glyph_test_can_fail() -> None:
    with pytest.warns(UserWarning, match="Glyph .* missing"):
        pixels("ꙮ𓀀")


def test_the_font_holds_all_of_gb2312() -> None:
    from matplotlib.ft2font import FT2Font

    known = FT2Font(str(style.FONT_FILE)).get_charmap()
    han = [chr(c) for c in range(0x4E00, 0xA000) if can_encode(chr(c))]
    assert len(han) == 6763
    assert [c for c in han + list("¥，。：；（）“”《》、！？ABCabc123%") if ord(c) not in known] == []
    assert style.FONT_FILE.stat().st_size < 1_450_000
    assert "SIL OPEN FONT LICENSE" in (style.FONT_FILE.parent / "OFL.txt").read_text()


def can_encode(letter: str) -> bool:
    try:
        letter.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def test_without_the_font_file_nothing_warns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.font_manager import fontManager

    latin = [entry for entry in fontManager.ttflist if entry.name not in style.SYSTEM_CHINESE]
    monkeypatch.setattr(fontManager, "ttflist", latin)
    missing = tmp_path / "gone.otf"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert style.font_families(missing) == ["DejaVu Sans"]
        monkeypatch.setattr(style, "font_families", lambda: ["DejaVu Sans"])
        pixels("客户")
    assert [str(w.message) for w in caught] == []


def test_without_the_font_file_a_chinese_font_of_the_system_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib.font_manager import FontEntry, fontManager

    system = FontEntry(fname=str(style.FONT_FILE), name="SimHei")
    gone = FontEntry(fname=str(tmp_path / "uninstalled.ttf"), name="Noto Sans CJK SC")
    latin = [entry for entry in fontManager.ttflist if entry.name not in style.SYSTEM_CHINESE]
    monkeypatch.setattr(fontManager, "ttflist", [*latin, gone, system])
    assert style.font_families(tmp_path / "gone.otf") == ["DejaVu Sans", "SimHei"]


def test_importing_does_not_import_matplotlib() -> None:
    code = "import sys, opskit.plots; print([m for m in ('matplotlib', 'numpy', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_axes_keeps_the_given_one() -> None:
    _, ax = plt.subplots()
    assert plots.axes(ax) is ax
    assert plots.axes(size=(5, 3)).get_figure().get_size_inches() == pytest.approx([5, 3])


@pytest.mark.parametrize(
    "words", ["Net revenue fell by 12% against the year before, " * 3, "净收入同比下降，主要是新客减少。" * 5]
)
def test_a_long_title_stays_inside_the_figure_and_off_its_detail(words: str, caplog: pytest.LogCaptureFixture) -> None:
    ax = plots.axes()
    ax.plot([0, 1], [0, 1])
    plots.title(ax, words, f"Of 1,234 customers; {words}")
    figure = ax.get_figure()
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    finding = ax._left_title.get_window_extent(renderer)
    detail = ax.texts[0].get_window_extent(renderer)
    assert detail.y1 <= finding.y0
    assert detail.y0 >= ax.get_window_extent(renderer).y1
    assert max(finding.x1, detail.x1) <= figure.bbox.x1
    assert finding.y1 <= figure.bbox.y1
    assert caplog.messages == []  # a bold weight that is not there is logged to stderr, and nbval fails on that


@given(st.text(alphabet="ab 客户，", max_size=80), st.integers(2, 30))
def test_wrapping_loses_no_letter_and_keeps_the_width(text: str, width: int) -> None:
    wrapped = marks.wrap(text, width=width)
    assert "".join(wrapped.split()) == "".join(text.split())
    longest_word = max((marks._columns(word.rstrip()) for word in marks._words(text)), default=0)
    assert all(marks._columns(line) <= max(width, longest_word) for line in wrapped.split("\n"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (99.96, "100"),
        (999.6, "1k"),
        (1000, "1k"),
        (1234, "1.23k"),
        (999_600, "1M"),
        (2e9, "2B"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert formats.number(value) == text


def test_ticks_follow_the_format() -> None:
    ax = plots.axes()
    ax.set_ylim(0, 1)
    plots.format_axis(ax.yaxis, plots.percent)
    assert ax.yaxis.get_major_formatter()(0.25, 0) == "25%"
    assert ax.yaxis.get_major_formatter()(-1e-17, 0) == "0%"


def test_line_labels_do_not_overlap() -> None:
    ax = plots.axes()
    for name in "abc":
        ax.plot([0, 1, 2], [1, 1.001, np.nan], label=name)
    ax.plot([0, 1], [0, 5])
    plots.label_lines(ax)
    figure = ax.get_figure()
    figure.canvas.draw()
    boxes = sorted((t.get_window_extent() for t in ax.texts), key=lambda box: box.y0)
    assert [t.get_text() for t in ax.texts] == ["a", "b", "c"]
    assert all(upper.y0 >= lower.y1 - 1 for lower, upper in itertools.pairwise(boxes))


def test_counts_stand_above_their_points() -> None:
    ax = plots.axes(size=(4, 3))
    plots.label_counts(ax, [1, 2], [0.5, 0.7], [12, 34_567])
    assert [(text.get_text(), text.xy) for text in ax.texts] == [("n=12", (1, 0.5)), ("n=34.6k", (2, 0.7))]
    assert all(text.get_position()[1] > 0 for text in ax.texts)


def test_a_missing_bound_draws_nothing() -> None:
    ax = plots.axes()
    plots.error_bars(ax, [0, 1], [0.1, np.nan], [0.2, np.nan])
    drawn = [path.vertices for path in ax.collections[0].get_paths()]
    assert sum(np.isfinite(path).all() and len(path) == 2 for path in drawn) == 1
