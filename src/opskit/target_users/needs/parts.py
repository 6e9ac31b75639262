"""The parts of the page, each of which runs without the others, and what the missing ones would need."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from opskit.errors import MissingTableError, OpskitError, TooLittleDataError

if TYPE_CHECKING:
    import pandas as pd

PARTS = {
    "ranking": ("surveys that ask rank, or a sheet need_ranks", "worth and order of the needs"),
    "comparisons": ("surveys that ask prefer", "worth and order of the needs"),
    "worths": ("needs that were each preferred to others by somebody", "how far apart they are"),
    "ratings": ("surveys that ask importance", "how far the usual question misleads"),
    "kano": ("surveys that ask functional and dysfunctional, or a sheet kano_answers", "what each feature does"),
    "non_customers": (
        "surveys that ask need and ability_to_pay, or attributes of customers named in fit",
        "how many are nearly customers",
    ),
    "scenarios": ("a sheet scenarios", "where to meet them first"),
}
"""What each part reads, and what it tells."""


class Parts:
    """What a dataset can tell about needs, and why it cannot tell the rest.

    >>> found = Parts()
    >>> found.of("kano", lambda: 1 + 1)
    2
    >>> found.table[["part", "there", "tells"]].values.tolist()
    [['kano', 'yes', 'what each feature does']]
    """

    def __init__(self) -> None:
        self._why_not: dict[str, OpskitError | None] = {}

    def of[Result](self, part: str, compute: Callable[[], Result]) -> Result | None:
        """The part's result, or None where its data are missing or too few; `table` has the reason.

        Args:
            part: Of PARTS.
            compute: Gives the result.

        Raises:
            OpskitError: What is there is wrong, such as a worksheet with a score of 9: no reason to leave the part out.
        """
        try:
            result = compute()
        except (MissingTableError, TooLittleDataError) as reason:
            self._why_not[part] = reason
            return None
        self._why_not[part] = None
        return result

    @property
    def table(self) -> "pd.DataFrame":
        """part, there (yes or no), reads, tells, missing (why it is not there)."""
        import pandas as pd

        rows = [(part, "no" if why else "yes", *PARTS[part], str(why or "")) for part, why in self._why_not.items()]
        return pd.DataFrame(rows, columns=["part", "there", "reads", "tells", "missing"])

    def require(self) -> None:
        """Refuse to go on with no part at all.

        Raises:
            MissingTableError: No part has its tables.
            TooLittleDataError: Some have, and there are too few answers for any.
        """
        whys = [why for why in self._why_not.values() if why is not None]
        if len(whys) < len(self._why_not):
            return
        few = dict.fromkeys(str(why) for why in whys if isinstance(why, TooLittleDataError))
        if few:
            raise TooLittleDataError(" ".join(few))
        sources = "; or ".join(dict.fromkeys(reads for reads, _ in PARTS.values()))
        raise MissingTableError(
            f"nothing here says what people need. One of these would: {sources} "
            "(`opskit template need_ranks kano_answers scenarios --out needs.xlsx` writes the sheets)."
        )
