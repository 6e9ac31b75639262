"""Answers to all surveys of opskit.sample.surveys together."""

from typing import Any

import numpy as np

from opskit.sample.surveys import surveys
from opskit.sample.world import Chunk, Column

ROW = "answer; a row without one was sent and not answered"
COLUMNS = {
    "respondent_id": Column("string", "who was asked, in this survey, and in which quarter where it is repeated"),
    "survey": Column("category", "the survey"),
    "question": Column("category", "the question"),
    "item": Column("category", "what was asked about, such as the price shown; empty for most"),
    "touchpoint": Column("category", "step of the journey asked about; empty for most"),
    "answer": Column("category", "as typed; empty: not answered"),
    "customer_id": Column("string", "the account that was asked"),
    "answered_at": Column("timestamp", "when; empty: not answered"),
}


def build(chunk: Chunk) -> dict[str, Any]:
    """The chunk's answers by survey and customer, questions in the order in which they were asked."""
    parts = {name: module.build(chunk) for name, module in surveys().items()}
    survey = np.repeat(np.array(list(parts), dtype=object), [len(part["at"]) for part in parts.values()])
    customer, at = (np.concatenate([part[column] for part in parts.values()]) for column in ("customer", "at"))
    numbers = customer + chunk.start + 1
    wave = np.concatenate([part.get("wave", np.full(len(part["at"]), "")) for part in parts.values()])
    ids = [f"{name}-{number:07d}{when and '-'}{when}" for name, number, when in zip(survey, numbers, wave, strict=True)]
    return {
        "respondent_id": np.array(ids, dtype=object),
        "survey": survey,
        **{
            column: np.concatenate([np.asarray(part[column], dtype=object) for part in parts.values()])
            for column in ("question", "item", "answer")
        },
        "touchpoint": np.concatenate(
            [np.asarray(part.get("touchpoint", [None] * len(part["at"])), dtype=object) for part in parts.values()]
        ),
        "customer_id": chunk.customer_ids[customer],
        "answered_at": chunk.world.moment(at),
    }
