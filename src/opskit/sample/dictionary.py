"""The texts beside the sample shop: the declaration and the data dictionary, generated from the tables themselves."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple


class Shop(NamedTuple):
    """What the dictionary says about this shop."""

    first_day: date
    last_day: date
    customers: int
    months: int
    seed: int


def declaration(modules: Mapping[str, Any]) -> str:
    """opskit.toml of the shop."""
    lines = [
        "# The fictional sample shop, written by opskit sample. README.md explains its columns, truth.json what is planted.",
        'name = "shop"',
        'currency = "CNY"',
        'timezone = "Asia/Shanghai"',
        "",
    ]
    for name in modules:
        lines += [f"[tables.{name}]", f'source = "{name}.parquet"']
        if name == "orders":
            lines.append('exclude = { status = ["unpaid", "closed"] }')
        lines.append("")
    return "\n".join(lines)


def readme(shop: Shop, modules: Mapping[str, Any]) -> str:
    """README.md of the shop: data dictionary."""
    text = [
        "# The sample shop",
        "",
        "A fictional shop that sells mother-and-baby goods from abroad to customers in China: nothing in it is real, and everything",
        f"planted in it is written in `truth.json`. {shop.customers:,} accounts, {shop.months} months, {shop.first_day} to {shop.last_day}; amounts in CNY, times are",
        "local (Asia/Shanghai).",
        "",
        f"Written by `opskit sample OUT --customers {shop.customers} --months {shop.months} --seed {shop.seed}`; another seed draws other customers from the same truth.",
        "",
    ]
    for name, module in modules.items():
        text += [f"## {name}", "", f"One row per {module.ROW}.", "", "| column | kind | meaning |", "|---|---|---|"]
        text += [f"| {column} | {spec.kind} | {spec.about} |" for column, spec in module.COLUMNS.items()]
        text.append("")
    return "\n".join(text)
