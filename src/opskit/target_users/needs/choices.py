"""Rankings and paired comparisons as choices: from which needs one was picked, how often, by whom."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit.errors import OpskitError, check
from opskit.target_users.needs import answers
from opskit.target_users.needs.answers import SILENT, TWICE, USED, plain
from opskit.target_users.needs.words import TIES, as_rank

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

UNRANKED = ("below", "not_asked")
_UNREADABLE, _TIED, _SINGLE = "an answer unreadable", "the same rank twice", "fewer than two needs compared"
_PAIR_SIGNS = (" vs ", " vs. ", "|", "还是", " or ", "/")


class Choices(NamedTuple):
    """Everything that rankings or paired comparisons say, as choices of one need from several."""

    needs: tuple[str, ...]
    offered: "np.ndarray[Any, Any]"  # choices x needs: what could be chosen
    chosen: "np.ndarray[Any, Any]"  # place of the need chosen
    weight: "np.ndarray[Any, Any]"  # 1, or a half for either side of a tie
    answer: "np.ndarray[Any, Any]"  # place of the answer the choice is part of
    times: "np.ndarray[Any, Any]"  # per answer: respondents who gave it
    segment: "np.ndarray[Any, Any]"  # per answer: their segment, None where unknown
    respondents: "pd.DataFrame"  # status, respondents, share
    survey: str
    kind: str  # "rankings" or "comparisons"

    @property
    def n(self) -> int:
        """Respondents used."""
        return int(self.times.sum())

    def of(self, needs: "np.ndarray[Any, Any]") -> "Choices":
        """The choices among some of the needs (a mask)."""
        offered = self.offered[:, needs]
        kept = needs[self.chosen] & (offered.sum(axis=1) > 1)
        place = needs.cumsum() - 1
        return self._replace(
            needs=tuple(name for name, keep in zip(self.needs, needs, strict=True) if keep),
            offered=offered[kept],
            chosen=place[self.chosen[kept]],
            weight=self.weight[kept],
            answer=self.answer[kept],
        )


def rankings(
    surveys: Any, *, survey: str = "", unranked: str = "below", segment: str = "", customers: Any = None
) -> Choices:
    """Forced rankings, read as one choice after the other: the first from all needs, the second from those left.

    Args:
        surveys: Any engine's frame with respondent_id, survey, question (``rank``), item (the need) and answer (1 for the
            most needed); a row without answer was asked and not ranked.
        survey: Name of the survey; empty: the only one that asks for ranks.
        unranked: ``"below"``: a need without a rank comes after all that have one, as where people name their first
            three; ``"not_asked"``: nothing is known about it.
        segment: Attribute of the rows, or of customers, that tells groups apart; empty: none.
        customers: Any engine's frame with customer_id and the attribute.

    Returns:
        The choices. In ``respondents``: used; no response; answered twice; an answer unreadable; the same rank twice (a
        tie, which the question does not allow); fewer than two needs compared. Only used ones enter. Ranks need not be
        1, 2, 3: their order counts.

    Raises:
        MissingTableError: No survey asks for ranks.
        OpskitError: Several do, or an option is out of range.
        TooLittleDataError: Fewer than 10 respondents can be used.

    >>> import pandas as pd
    >>> rows = [(person, "q", "rank", need, str(place + 1)) for person in range(10) for place, need in enumerate("AB")]
    >>> surveys = pd.DataFrame(rows, columns=["respondent_id", "survey", "question", "item", "answer"])
    >>> found = rankings(surveys)
    >>> found.n, found.needs, found.chosen.tolist()
    (10, ('A', 'B'), [0])
    """
    check(unranked, "unranked", among=UNRANKED)
    rows, name = answers.rows(surveys, ["rank"], survey=survey)
    asked = answers.patterns(answers.segmented(rows, segment, customers), name)
    read = [_ranking(pattern, asked, unranked) for pattern in asked.patterns.to_dict("records")]
    reasons = [SILENT, TWICE, _UNREADABLE, _TIED, _SINGLE]
    return _gathered(asked.items, asked, read, reasons, "rankings")


def comparisons(surveys: Any, *, survey: str = "", segment: str = "", customers: Any = None) -> Choices:
    """Paired comparisons: which of two needs is needed more.

    Args:
        surveys: Any engine's frame with respondent_id, survey, question (``prefer``), item (the pair, "price vs safety" or
            "price|safety") and answer (one of the two, 1 or 2 for the first or second, or tie).
        survey: Name of the survey; empty: the only one that asks for pairs.
        segment: As for `rankings`.
        customers: As for `rankings`.

    Returns:
        The choices; a tie is half a choice for either side.

    Raises:
        MissingTableError: No survey asks for pairs.
        OpskitError: Several do, or an item is no pair.
        TooLittleDataError: Fewer than 10 respondents can be used.
    """
    rows, name = answers.rows(surveys, ["prefer"], survey=survey)
    asked = answers.patterns(answers.segmented(rows, segment, customers), name)
    pairs = {item: _pair(item) for item in asked.items}
    needs = tuple(sorted({need for pair in pairs.values() for need in pair}))
    read = [_compared(pattern, pairs, needs) for pattern in asked.patterns.to_dict("records")]
    return _gathered(needs, asked, read, [SILENT, TWICE, _UNREADABLE], "comparisons")


def from_wins(wins: "pd.DataFrame") -> Choices:
    """Choices from a table of how often one won against another.

    Args:
        wins: winner, loser, n; every comparison counts as an answer of its own.

    Raises:
        OpskitError: A column is missing, or something is compared with itself.
    """
    import numpy as np
    import pandas as pd

    for column in ("winner", "loser", "n"):
        if column not in wins:
            raise OpskitError(f"wins lacks {column!r}; it has {', '.join(map(repr, wins.columns))}.")
    if (wins["winner"] == wins["loser"]).any():
        raise OpskitError("wins compares something with itself.")
    needs = tuple(sorted({*wins["winner"], *wins["loser"]}))
    chosen, other = (np.array([needs.index(name) for name in wins[column]]) for column in ("winner", "loser"))
    offered = np.zeros((len(wins), len(needs)), dtype=bool)
    place, times = np.arange(len(wins)), wins["n"].to_numpy()
    offered[place, chosen] = offered[place, other] = True
    nobody = np.full(len(wins), None, dtype=object)
    told = pd.DataFrame({"status": [USED], "respondents": [int(times.sum())], "share": [1.0]})
    return Choices(needs, offered, chosen, np.ones(len(wins)), place, times, nobody, told, "", "comparisons")


_Read = tuple[str, list[tuple[tuple[int, ...], int, float]]]  # status; offered, chosen, weight


def _ranking(pattern: Mapping[Any, Any], asked: answers.Asked, unranked: str) -> _Read:
    """One pattern's status, and its choices."""
    ranks = {place: as_rank(pattern[item]) for place, item in enumerate(asked.items)}
    if pattern["times"] > 1:
        return TWICE, []
    if None in ranks.values():
        return _UNREADABLE, []
    ranked = sorted((place for place, rank in ranks.items() if rank), key=lambda place: ranks[place] or 0)
    if not ranked:
        return SILENT, []
    if len({ranks[place] for place in ranked}) < len(ranked):
        return _TIED, []
    left = [place for place in ranks if unranked == "below" or ranks[place]]
    if len(left) < 2:
        return _SINGLE, []
    chosen: list[tuple[tuple[int, ...], int, float]] = []
    for place in ranked:
        if len(left) > 1:
            chosen.append((tuple(left), place, 1.0))
        left.remove(place)
    return USED, chosen


def _pair(item: str) -> tuple[str, str]:
    for sign in _PAIR_SIGNS:
        parts = [part.strip() for part in item.split(sign)]
        if len(parts) == 2 and all(parts) and parts[0] != parts[1]:
            return parts[0], parts[1]
    raise OpskitError(f"the item {item!r} is no pair of needs; write it as 'price vs safety' or 'price|safety'.")


def _compared(pattern: Mapping[Any, Any], pairs: Mapping[str, tuple[str, str]], needs: tuple[str, ...]) -> _Read:
    if pattern["times"] > 1:
        return TWICE, []
    given = {item: plain(pattern[item]) for item in pairs if pattern[item] is not None}
    if not given:
        return SILENT, []
    chosen: list[tuple[tuple[int, ...], int, float]] = []
    for item, answer in given.items():
        places = tuple(needs.index(need) for need in pairs[item])
        words = [{plain(need), number} for need, number in zip(pairs[item], ("1", "2"), strict=True)]
        if answer in TIES:
            chosen += [(places, place, 0.5) for place in places]
        elif answer in words[0] | words[1]:
            chosen.append((places, places[0 if answer in words[0] else 1], 1.0))
        else:
            return _UNREADABLE, []
    return USED, chosen


def _gathered(
    needs: tuple[str, ...], asked: answers.Asked, read: list[_Read], reasons: list[str], kind: str
) -> Choices:
    import numpy as np

    table = asked.patterns
    told = answers.account([status for status, _ in read], table["n"].tolist(), reasons)
    answers.enough(told, "the ranking of needs" if kind == "rankings" else "the pairs of needs")
    used = [place for place, (status, _) in enumerate(read) if status == USED]
    single = [(number, *choice) for number, place in enumerate(used) for choice in read[place][1]]
    offered = np.zeros((len(single), len(needs)), dtype=bool)
    for row, (_, places, _, _) in enumerate(single):
        offered[row, list(places)] = True
    segment = table["segment"].astype(object).where(table["segment"].notna(), None).to_numpy()
    return Choices(
        needs,
        offered,
        np.array([choice[2] for choice in single], dtype=np.int64),
        np.array([choice[3] for choice in single], dtype=float),
        np.array([choice[0] for choice in single], dtype=np.int64),
        table["n"].to_numpy(dtype=float)[used],
        segment[used],
        told,
        asked.survey,
        kind,
    )
