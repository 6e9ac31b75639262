"""Answers as people and survey tools write them: ranks, Kano's five words, grades, yes and no."""

import re
from collections.abc import Iterable

from opskit.target_users.needs.answers import plain

NOT_RANKED = ("", "-", "(空)", "(跳过)", "空", "跳过", "未选", "nan", "none", "null", "n/a")
TIES = ("tie", "equal", "both", "neither", "same", "一样", "差不多", "都可以", "无所谓", "难分")
LIKE, EXPECT, NEUTRAL, LIVE_WITH, DISLIKE = KANO = ("like", "expect", "neutral", "live with", "dislike")
KANO_WORDS = {
    LIKE: ("like", "i like it", "enjoy", "我很喜欢", "很喜欢", "喜欢", "满意", "非常满意"),
    EXPECT: ("expect", "must be", "must-be", "i expect it", "理应如此", "理所当然", "应该的", "必须有", "它理应如此"),
    NEUTRAL: ("neutral", "don't care", "i am neutral", "无所谓", "都可以", "一般"),
    LIVE_WITH: ("live with", "can live with it", "tolerate", "accept", "勉强接受", "能忍受", "可以忍受", "勉强可以"),
    DISLIKE: ("dislike", "i dislike it", "cannot accept", "我很不喜欢", "很不喜欢", "不喜欢", "不满意", "讨厌"),
}
"""Kano's answers, from liking to disliking, with the words that mean them."""
YES = ("yes", "y", "true", "是", "会", "能", "可以", "有")
NO = ("no", "n", "false", "否", "不", "不会", "不能", "不可以", "没有")
_MEANT = {spelled: word for word, spellings in KANO_WORDS.items() for spelled in spellings}
_NUMBERS = ("1", "2", "3", "4", "5")
_RANK = re.compile(r"第?(\d+)(?:\.0+)?(?:名|位)?")


def as_rank(text: object) -> int | None:
    """The rank a text states, 0 when it states that there is none, None when it is no rank.

    Survey tools write -2 or -3 where a question was left out.

    >>> [as_rank(text) for text in ("1", "第2名", "3.0", "(空)", "-2", None, "price")]
    [1, 2, 3, 0, 0, 0, None]
    """
    bare = "" if text is None or text != text else plain(text).replace("（", "(").replace("）", ")")
    if bare in NOT_RANKED or re.fullmatch(r"-\d+(?:\.0+)?|0(?:\.0+)?", bare):
        return 0
    found = _RANK.fullmatch(bare)
    return int(found[1]) if found else None


def as_kano(text: object, *, like: int = 5) -> str | None:
    """Kano's word for a text, None when it is none.

    Args:
        text: As typed.
        like: The number that stands for liking, 5 or 1; forms differ in it.

    >>> [as_kano(text) for text in ("我很喜欢", "Must-be", "3", "4", "maybe")]
    ['like', 'expect', 'neutral', 'expect', None]
    >>> as_kano("1", like=1)
    'like'
    """
    bare = plain(text).rstrip("。.! ").removesuffix(".0")
    if bare in _NUMBERS:
        return KANO[_NUMBERS.index(bare) if like == 1 else -1 - _NUMBERS.index(bare)]
    return _MEANT.get(re.sub(r"^\d+\s*[.、)]\s*", "", bare))


def has_kano_word(cells: Iterable[object]) -> bool:
    """Whether any of the cells is one of Kano's answers."""
    return any(as_kano(cell) for cell in cells)


def as_grade(text: object) -> float:
    """The number a text states; yes is 5 and no is 1, as on a scale from 1 to 5; nan for anything else.

    >>> [as_grade(text) for text in ("4", "5分", "是", "no", "?")]
    [4.0, 5.0, 5.0, 1.0, nan]
    """
    bare = plain(text)
    if bare in YES:
        return 5.0
    if bare in NO:
        return 1.0
    found = re.fullmatch(r"(-?\d+(?:\.\d+)?)\s*分?", bare)
    return float(found[1]) if found else float("nan")


def as_yes(text: object) -> bool | None:
    """Yes or no, None for anything else.

    >>> [as_yes(text) for text in ("是", "No", "1", "0", "?")]
    [True, False, True, False, None]
    """
    bare = plain(text)
    if bare in (*YES, "1"):
        return True
    return False if bare in (*NO, "0") else None
