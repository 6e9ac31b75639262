"""Masking of personal data in whatever people read."""

import re
from typing import TYPE_CHECKING

from opskit.contract.tables import normalized

if TYPE_CHECKING:
    import pandas as pd

PERSONAL_NAMES = [
    "phone",
    "mobile",
    "email",
    "mail",
    "address",
    "addr",
    "street",
    "firstname",
    "lastname",
    "fullname",
    "nickname",
    "receiver",
    "consignee",
    "idcard",
    "passport",
    "wechat",
    "openid",
    "birthday",
    "手机",
    "电话",
    "邮箱",
    "地址",
    "姓名",
    "收货人",
    "收件人",
    "联系人",
    "身份证",
    "微信",
    "昵称",
    "会员名",
    "真实姓名",
    "生日",
]
EMAIL = re.compile(r"(?P<first>[\w.+-])[\w.+-]*@(?P<domain>[\w-]+(\.[\w-]+)+)")
LONG_NUMBER = re.compile(r"(?<!\d)(?P<head>\d{3})\d{4,}(?P<tail>\d{2})(?!\d)")


def is_personal(column: str) -> bool:
    """Whether a column's name says that it identifies a person.

    >>> is_personal("手机号"), is_personal("E-Mail"), is_personal("region"), is_personal("name")
    (True, True, False, True)
    """
    name = normalized(column)
    return name in {"name", "tel", "customername", "username"} or any(word in name for word in PERSONAL_NAMES)


def mask(value: str) -> str:
    """Hide the middle of e-mail addresses and of numbers as long as a phone's.

    >>> mask("wang.li@example.com called 13812345678")
    'w…@example.com called 138…78'
    """
    hidden = EMAIL.sub(r"\g<first>…@\g<domain>", value)
    return LONG_NUMBER.sub(r"\g<head>…\g<tail>", hidden)


def mask_value(value: str) -> str:
    """Keep the first character of a personal value, hide the rest.

    >>> mask_value("张三丰")
    '张…'
    """
    return f"{value[:1]}…" if value else value


def mask_frame(frame: "pd.DataFrame") -> "pd.DataFrame":
    """A copy that can be shown: personal columns reduced to their first character, e-mails and phone numbers masked.

    Dates, numbers and short codes stay as they are.
    """
    shown = frame.copy()
    for column in shown.columns:
        if shown[column].dtype.kind not in "OUT" and str(shown[column].dtype) not in {"str", "string", "category"}:
            if is_personal(str(column)):
                shown[column] = shown[column].astype("string").map(mask_value, na_action="ignore")
            continue
        masker = mask_value if is_personal(str(column)) else mask
        shown[column] = shown[column].map(
            lambda value, masker=masker: masker(value) if isinstance(value, str) else value, na_action="ignore"
        )
    return shown
