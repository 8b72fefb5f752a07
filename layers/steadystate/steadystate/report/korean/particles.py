"""Korean particles: which of two forms follows a word is decided by how the word ends when read."""

import re

_DIGITS = {"0": "영", "1": "일", "2": "이", "3": "삼", "4": "사", "5": "오", "6": "육", "7": "칠"}
_DIGITS |= {"8": "팔", "9": "구"}
_SYMBOLS = {"%": "퍼센트", "ms": "밀리초", "s": "초", "x": "배", "USD": "달러", "KRW": "원"}
_CLOSED_LETTERS = {"l": "엘", "m": "엠", "n": "엔"}
"""English words that end in other letters mostly end in a vowel in Korean."""

_LARGE = ((8, "억"), (4, "만"), (3, "천"), (2, "백"), (1, "십"))


def joined(word: str, particle: str) -> str:
    """Return a word with its particle; `particle` has both forms, as in "을/를" or "으로/로".

    The form before the stroke follows a final consonant. 으로/로 counts a final ㄹ as a vowel.
    """
    closed, opened = particle.split("/")
    final = _final_of(word)
    if closed.startswith("으") and final == _RIEUL:
        return word + opened
    return word + (closed if final else opened)


_RIEUL = 8


def _final_of(word: str) -> int:
    """Return the number of the final consonant of the last sound; 0 is a vowel."""
    text = re.sub(r"[\s)\]}”’\"'`»›.,!?…]+$", "", word)
    syllable = _last_syllable(text)
    if syllable and "가" <= syllable <= "힣":
        return (ord(syllable) - ord("가")) % 28
    return 0


def _last_syllable(text: str) -> str:
    if match := re.search(r"([\d,]*\.)?([\d,]+)\s*(%|ms|s|x|USD|KRW)?$", text):
        if match[3]:
            return _SYMBOLS[match[3]][-1]
        return _DIGITS[match[2][-1]] if match[1] else _whole_number(match[2].replace(",", ""))
    if not text:
        return ""
    last = text[-1].lower()
    if last == "g" and text[-2:-1].lower() == "n":
        return "잉"
    return _CLOSED_LETTERS.get(last, text[-1])


def _whole_number(digits: str) -> str:
    zeros = len(digits) - len(digits.rstrip("0"))
    if zeros == 0 or zeros == len(digits):
        return _DIGITS[digits[-1:] or "0"]
    return next(name for size, name in _LARGE if zeros >= size)
