"""Words right beside a figure that say which field of the brief it tells.

A figure that is right for one thing is wrong for another: "planned 0.105 USD" is not what a run
cost. Where none of these words stands beside a figure, the rest of the sentence decides.
"""

import re
from typing import NamedTuple

from steadystate.report.figures import Amount


class Binding(NamedTuple):
    """`before` must match up to the figure, `after` from its end on; "" asks for nothing."""

    before: re.Pattern[str]
    after: re.Pattern[str]
    fields: frozenset[str]


def _binding(before: str, after: str, fields: str) -> Binding:
    return Binding(
        re.compile(rf"(?:{before})\s*$" if before else "", re.I),
        re.compile(rf"\s*(?:{after})" if after else "", re.I),
        frozenset(fields.split()) | {"bound", "detail", "reason"},
    )


_LIMITS = "limit target_seconds low_seconds margin_times limit_e_value promotion_e_value"
_ASKED = r"\b(?:below|under|at most|exactly|limit of|bound of|past(?: the limit of)?)"
_TARGET = r"\btarget (?:of|was|is)|over within|target"
BINDINGS = (
    _binding(r"\bfloor of", "", "multiple"),
    _binding("", "배에 둔", "multiple"),
    _binding("", r"times the baseline", "multiple baseline_times"),
    _binding("기준값의", "", "multiple baseline_times"),
    _binding(_ASKED, "", _LIMITS),
    _binding("한계", "", "limit"),
    _binding("", "미만|이하|초과", "limit target_seconds promotion_e_value"),
    _binding(_TARGET, r"(?:s|sec|min|\d+-)", "target_seconds"),
    _binding("(?<![a-z\u0001] )목표(?: 시간)?(?:은|는|인)?", "초|분", "target_seconds"),
    _binding(r"\b(?:planned|estimated(?: at)?)|계획", "", "planned_dollars"),
    _binding(r"\bcost|비용은", "", "cost_dollars"),
    _binding(r"\bknown to|resolution of|known within", "", "resolution_seconds"),
    _binding(r"\bperiods? of|주기는|주기가", "", "metric_period_seconds"),
    _binding(r"\blooks? of", "", "window_seconds"),
    _binding(r"\bworst point|가장 나쁜 점|가장 나쁜 것은", "", "worst"),
    _binding(r"\bbaseline of|기준값(?:은|인)?", "", "baseline"),
    _binding(r"\bat once than|한 번에", "", "targets_hit"),
    _binding(r"\baimed at|겨눈 대상은", "", "targets"),
    _binding("", r"(?:requests |times |번\S* ?)?(?:a|per|each) second", "probes_a_second"),
    _binding(r"1초에", "번", "probes_a_second"),
)


def fields_beside(amount: Amount, text: str) -> frozenset[str] | None:
    """Return the fields of which a figure must tell one; None where no words beside it say so."""
    start, end = amount.start, amount.start + len(amount.text)
    for binding in BINDINGS:
        if binding.before.search(text[max(0, start - 40) : start]) and binding.after.match(
            text, end
        ):
            return binding.fields
    return None
