"""Names in a text: identifiers, quotes, abbreviations; and whether the evidence knows them."""

import re
from collections.abc import Iterator

from steadystate.domain.verdict import Verdict
from steadystate.report.facts import Facts
from steadystate.report.tokens import FIGURE, TOKEN, identifies

_WORD = re.compile(r"[A-Za-z]+(?:['’][a-z]+)?")
_PLAIN_PAIR = re.compile(r"[A-Za-z]+(?:[-/][A-Za-z]+)+")
_QUOTED = re.compile(r"“([^”]*)”|‘([^’]*)’|\"([^\"]*)\"|`([^`]*)`|「([^」]*)」|『([^』]*)』")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TERMS = _words(
    """
    PASS FAIL INCONCLUSIVE ERROR UTC SLO SLI SLOs SLIs RTO API HTTP HTTPS TCP DNS CPU AWS EC2 RDS
    ALB FIS SNS SSM ARN ASG CloudWatch Prometheus Bedrock EventBridge DynamoDB Lambda Step Functions
    Steadystate 5XX 4XX 5xx 4xx A/A A/B e-value e-values ID IDs KST USD KRW JSON HTML ok OK
    January February March April May June July August September October November December Jan Feb
    Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Monday Tuesday Wednesday Thursday Friday Saturday
    Sunday I AM PM p.m a.m e.g i.e vs recover scenario workload ms s min x and or
    recovery.limit notes half stable
    """
)
"""Words of the trade that name nothing of a run."""

_ENDINGS = _words(
    "based level wide side specific related induced like style only free term time date up off out "
    "down over in back per end second minute hour percent point step"
)
_BEGINNINGS = _words(
    "re non pre post sub co multi single self over under auto load well follow long short high low "
    "real end one two three four five six seven eight nine ten fault run read steady "
    "near so up health first second third worst best half full mid"
)


_SPOKEN_OF = (
    r"\s*(?:objective|indicator|sli|bound|kept|missed|met|was|were|is|stayed|rose|fell|came|left|"
    r"changed|reached|averaged|exceeded|held|peaked|returned|showed|stayed|failed|could|at|by|[:(은는이가의]|목표|지표)"
)


def unknown_quotes(text: str, facts: Facts) -> Iterator[str]:
    """Give what stands in quotes and in no text of the evidence."""
    for match in _QUOTED.finditer(text):
        words = next(group for group in match.groups() if group is not None).strip(" .,")
        known = any(_holds(string, words) for string in facts.strings | TERMS)
        if words and not known:
            yield match[0]


def blank_quotes(text: str) -> str:
    """Return a text without what stands in quotes."""
    return _QUOTED.sub(lambda m: "\u0001" * len(m[0]), text)


def _holds(string: str, words: str) -> bool:
    at = string.find(words)
    if at < 0:
        return False
    before, after = string[at - 1 : at], string[at + len(words) :][:1]
    return not (words[0].isalnum() and before.isalnum()) and not (
        words[-1].isalnum() and after.isalnum()
    )


def mentioned(text: str, facts: Facts) -> set[str]:
    """Return the names of the evidence's parts that a text speaks of.

    A text whose only names are plain words ("errors", "capacity") speaks of a part where such a
    word stands as one.
    """
    found = {n for n in facts.subjects if _holds(text, n) or _holds(text.lower(), n)}
    spoken_of = (
        not name.isalpha() or re.search(rf"\b{name}\b['’s]*{_SPOKEN_OF}", text, re.I)
        for name in found
    )
    return found if any(spoken_of) else set()


def blank_names(text: str, facts: Facts) -> str:
    """Return a text without identifiers, so that digits in them are no figures."""

    def blanked(match: re.Match[str]) -> str:
        token = match[0]
        shaped = identifies(token) and not FIGURE.fullmatch(token) and token not in TERMS
        named = token in facts.names or token in TERMS
        digits = any(c.isdigit() for c in token) and any(c.isalpha() for c in token)
        return "\u0001" * len(token) if shaped or (named and digits) else token

    return TOKEN.sub(blanked, text)


def unknown_names(text: str, facts: Facts, *, korean: bool) -> Iterator[str]:
    """Give the identifiers and proper names in a text that the evidence does not know."""
    known = facts.words | TERMS
    for match in TOKEN.finditer(text):
        token = match[0].rstrip(".:/")
        if not token or token in known or token in facts.names or FIGURE.fullmatch(token):
            continue
        if identifies(token):
            if not (_PLAIN_PAIR.fullmatch(token) and _is_common_pair(token, known, korean=korean)):
                yield token
        elif _WORD.fullmatch(token) and _is_proper(token, match.start(), text, korean=korean):
            yield token


def _is_common_pair(token: str, known: set[str], *, korean: bool) -> bool:
    """Whether a hyphenated token is plain English, and not a name that was got wrong."""
    parts = [part.lower() for part in re.split("[-/]", token)]
    if parts[-1] in _ENDINGS or parts[0] in _BEGINNINGS:
        return True
    if korean:
        return False
    of_names = {p for name in known if "-" in name or "_" in name for p in re.split("[-_/:]", name)}
    return not any(len(part) > 2 and part in of_names for part in parts)


def _is_proper(token: str, start: int, text: str, *, korean: bool) -> bool:
    """Whether a word must be a name: in Korean any Latin word, in English capitals where no
    sentence begins."""
    if korean:
        return len(token) > 1
    if not token[0].isupper():
        return False
    if len(token) > 1 and token.isupper():
        return True
    before = text[:start].rstrip(" \u0001“\"'(")
    return bool(before) and before[-1] not in ".!?:;–—…"


VERDICTS = frozenset(v.value for v in Verdict)
