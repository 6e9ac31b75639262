"""The theme: colours that colour-blind readers can tell apart, and fonts that draw Chinese."""

import warnings
from pathlib import Path

# Okabe & Ito (2008), Color Universal Design. Their yellow is left out: it does not show on white.
BLUE = "#0072B2"
ORANGE = "#E69F00"
GREEN = "#009E73"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
SKY = "#56B4E9"
BLACK = "#222222"
GREY = "#6E6E6E"
LIGHT = "#D9D9D9"
PALETTE = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, GREY)
SEQUENTIAL = "cividis"
"""Name of the colour map of heat maps: even steps of lightness, also without colour vision."""

FONT_FILE = Path(__file__).parent / "fonts" / "NotoSansSC-GB2312.otf"
SYSTEM_CHINESE = (
    "Noto Sans SC",
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "PingFang SC",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "Heiti SC",
    "SimHei",
    "Arial Unicode MS",
)


def font_families(font_file: Path = FONT_FILE) -> list[str]:
    """The font families to try in order: DejaVu Sans, then a Chinese one.

    Args:
        font_file: The Chinese font to register. Where it is missing, the first Chinese font of the system
            takes its place; where there is none, Chinese characters show as boxes, without a warning for each.

    >>> font_families()
    ['DejaVu Sans', 'Noto Sans SC']
    """
    from matplotlib.font_manager import fontManager

    if font_file.is_file():
        if font_file not in {Path(entry.fname) for entry in fontManager.ttflist}:
            fontManager.addfont(font_file)
            _stand_in_for_bold("Noto Sans SC")
        return ["DejaVu Sans", "Noto Sans SC"]
    # An entry whose file has gone would make matplotlib warn at every text it draws.
    present = {entry.name for entry in fontManager.ttflist if Path(entry.fname).is_file()}
    chinese = [name for name in SYSTEM_CHINESE if name in present][:1]
    for name in chinese:
        _stand_in_for_bold(name)
    if not chinese:
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
    return ["DejaVu Sans", *chinese]


def _stand_in_for_bold(name: str) -> None:
    """Let the regular weight serve as bold, or matplotlib logs a complaint at every bold title."""
    from dataclasses import replace

    from matplotlib.font_manager import fontManager

    entries = [entry for entry in fontManager.ttflist if entry.name == name]
    if all(str(entry.weight) not in {"bold", "700"} for entry in entries):
        fontManager.ttflist.append(replace(entries[0], weight=700))


def apply() -> None:
    """Set matplotlib's defaults for every figure that follows."""
    import matplotlib as mpl
    from cycler import cycler

    mpl.rcParams.update(
        {
            "font.family": font_families(),
            "font.size": 10,
            "axes.unicode_minus": True,
            "axes.prop_cycle": cycler(color=PALETTE),
            "axes.edgecolor": GREY,
            "axes.labelcolor": GREY,
            "axes.titlelocation": "left",
            "axes.titlesize": 12,
            "axes.titleweight": "bold",
            "axes.titlecolor": BLACK,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.grid.axis": "y",
            "axes.axisbelow": True,
            "grid.color": "#E6E6E6",
            "grid.linewidth": 0.8,
            "xtick.color": GREY,
            "ytick.color": GREY,
            "ytick.left": False,
            "lines.linewidth": 2.0,
            "legend.frameon": False,
            "image.cmap": SEQUENTIAL,
            "figure.dpi": 110,
            "savefig.dpi": 110,
            "figure.constrained_layout.use": True,
        }
    )
