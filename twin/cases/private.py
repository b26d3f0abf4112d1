"""What may not stand in a case: telephone, identity and plate numbers, addresses of mail, names with a title.

A filter of text is the second fence; the first is that a step has no field for a person. It errs to the safe side:
seven digits in a row, however they are separated or written, are a number of somebody unless they are a date.
"""

from __future__ import annotations

import re
import unicodedata

MOST_DIGITS = 6
_CHINESE = str.maketrans("〇零一二三四五六七八九幺两壹贰叁肆伍陆柒捌玖", "00123456789121" + "23456789")
_MOMENT = re.compile(r"(?<!\d)(?:19|20)\d\d[-/.年](?:0?[1-9]|1[0-2])[-/.月](?:0?[1-9]|[12]\d|3[01])日?(?!\d)"
                     r"(?:[T ]?(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?!\d))?")
_NUMBER = re.compile(rf"\d(?:[\s\-–—_.,/·()+*#]*\d){{{MOST_DIGITS},}}")
_MAIL = re.compile(r"[^\s@]@\s*[^\s@]")
_PLATE = re.compile(r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]"
                    r"\s*[A-Z]\s*[·.\- ]?\s*[A-Z0-9]{5,6}(?![A-Z0-9])")
_TITLE = re.compile(r"(?:\b(?:mr|mrs|ms|miss|mme|dr)\.?\s+[A-Z]\w+)|(?:[\u4e00-\u9fff](?:先生|女士|小姐|大爷|大妈|阿姨))", re.I)
_OWN_NUMBER = re.compile(r"(?<!\d)(?:1[3-9]\d{9}|\d{17}[\dXx])(?!\d)")


def without_personal_text(text: str) -> str:
    """Return the text, or raise ValueError if it holds what belongs to a person."""
    plain = _plain(text)
    if any(unicodedata.category(letter) == "Cc" and letter not in "\n\t" for letter in plain):
        raise ValueError("the text has control characters")
    if not plain.strip():
        raise ValueError("the text is empty")
    if _MAIL.search(plain):
        raise ValueError("the text holds an address of mail")
    if _PLATE.search(plain.upper()):
        raise ValueError("the text holds a number plate")
    if _TITLE.search(plain):
        raise ValueError("the text names a person")
    digits = _MOMENT.sub(" day ", plain)
    if _NUMBER.search(digits) or _NUMBER.search(digits.translate(_CHINESE)):
        raise ValueError(f"the text holds a number of more than {MOST_DIGITS} digits, which could be somebody's telephone")
    return text


def without_personal_numbers(text: str) -> str:
    """Return an id, or raise ValueError if it holds a mobile telephone or a resident identity number."""
    if _OWN_NUMBER.search(text):
        raise ValueError(f"{text!r} reads as a telephone or identity number")
    return text


def _plain(text: str) -> str:
    """Full-width and other digits as 0-9, what cannot be seen left out."""
    folded = unicodedata.normalize("NFKC", text)
    seen = (letter for letter in folded if unicodedata.category(letter) != "Cf")
    return "".join(str(unicodedata.digit(letter)) if unicodedata.category(letter) == "Nd" else letter for letter in seen)
