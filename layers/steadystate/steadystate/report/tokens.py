"""Words as they are written: which are identifiers, and which are figures with a unit."""

import re

TOKEN = re.compile(r"[A-Za-z0-9$/@][A-Za-z0-9_./:@#$+-]*[A-Za-z0-9_]|[A-Za-z]")
FIGURE = re.compile(
    r"[$₩]?\d[\d.,]*(?:[-/:~]\d[\d.,]*)*-?"
    r"(?:ms|msec|millisecond|s|sec|second|m|min|minute|h|hr|hour|x|fold|percent|usd|krw|day|"
    r"probe|step|look|point|[ap]m|th|st|nd|rd)?s?",
    re.I,
)


def blank_tokens(text: str) -> str:
    """Return a text without identifiers, so that digits in them are no figures."""
    return TOKEN.sub(
        lambda m: "\u0001" * len(m[0]) if identifies(m[0]) and not FIGURE.fullmatch(m[0]) else m[0],
        text,
    )


def identifies(token: str) -> bool:
    """Whether a token is written as identifiers are, and words are not."""
    if token.lower() in ("a.m", "p.m", "e.g", "i.e"):
        return False
    if re.search(r"[_/:@#$-]", token):
        return True
    letters = re.sub(r"[^A-Za-z]", "", token)
    mixed = bool(letters) and any(c.isdigit() for c in token)
    camel = bool(re.search(r"[a-z][A-Z]", token))
    dotted = bool(re.search(r"[A-Za-z]\.[A-Za-z]", token))
    return mixed or camel or dotted


def words_in(text: str) -> set[str]:
    """Return a text with every word and identifier in it, and the longer parts of these."""
    words = {text}
    for match in TOKEN.finditer(text):
        words |= {match[0], match[0].rstrip(".:/")}
        words.update(part for part in re.split("[/:]", match[0]) if len(part) > 3)
    return words
