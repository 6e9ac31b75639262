"""The texts beside the sample shop: its declaration and its data dictionary, generated from the tables themselves."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple


class Shop(NamedTuple):
    """What the dictionary says about the shop as a whole."""

    first_day: date
    last_day: date
    customers: int
    months: int
    seed: int


INTRODUCTION = """# The sample shop

A fictional shop that sells mother-and-baby goods from abroad to customers in China. Nothing in it is real, and what is
planted in it is written in `truth.json`. {customers:,} accounts, {months} months, {first_day} to {last_day};
amounts in CNY, local times (Asia/Shanghai).

Written by `opskit sample OUT --customers {customers} --months {months} --seed {seed}`. Another seed draws other
customers from the same truth; `--truth FILE` (JSON, planted name to value) changes the truth. Rows are sorted by
customer and time.

What to know: the shop opens on the first day, so growth begins at nothing and late customers are observed briefly.
`status` unpaid and closed are no sales. A refund that would come after the last day is not known yet.
`is_customer`, `status` and `updated_at` describe the last day: they are no facts of an earlier one. Days are busy and
quiet: 11 November, 18 June, a Chinese New Year that moves, weekends. Phone numbers begin with 140, as no
subscriber's does; names are put together at random.
"""


def declaration(modules: Mapping[str, Any]) -> str:
    """opskit.toml of the shop."""
    lines = [
        "# The fictional sample shop, written by opskit sample. README.md explains its columns, truth.json what is planted.",
        'name = "shop"',
        'currency = "CNY"',
        'timezone = "Asia/Shanghai"',
        *(line for module in modules.values() for line in getattr(module, "SETTINGS", ())),
    ]
    for name, module in modules.items():
        lines += ["", f"[tables.{name}]", f'source = "{name}.parquet"', *getattr(module, "DECLARED", ())]
    return "\n".join(lines) + "\n"


def readme(shop: Shop, modules: Mapping[str, Any]) -> str:
    """README.md of the shop: what it is, then every table and column."""
    lines = [INTRODUCTION.format(**shop._asdict())]
    for name, module in modules.items():
        lines += [f"## {name}", "", f"One row per {module.ROW}.", "", "| column | kind | meaning |", "|---|---|---|"]
        lines += [f"| {column} | {spec.kind} | {spec.about} |" for column, spec in module.COLUMNS.items()]
        lines.append("")
    return "\n".join(lines)
