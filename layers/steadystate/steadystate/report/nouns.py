"""What a figure counts or is about, by the words around it, in English and Korean."""

import re

from steadystate.report.figures import Amount

NOUNS: dict[str, frozenset[str]] = {
    noun: frozenset(meant.split())
    for words, meant in {
        "probe 프로브": "probe",
        "request 요청": "probe observation request",
        "observation measurement": "observation point",
        "관측": "look observation",
        "look sample window 표본": "look",
        "point datapoint 점": "point",
        "target instance resource task database 대상 인스턴스": "target",
        "objective 목표": "objective",
        "guardrail 가드레일": "guardrail",
        "fault action 장애": "fault target",
        "step 단계": "step",
    }.items()
    for noun in words.split()
}
"""What a noun counts, in the words of FIELD_NOUNS."""

FIELD_NOUNS = {
    name: noun
    for noun, names in {
        "probe": "probes failed sent answered outage_probes good_probes needed_probes "
        "probes_a_second failed_percent outage_percent worst_percent",
        "look": "looks missing_looks unread_looks fault_looks look",
        "point": "points",
        "observation": "observations",
        "target": "targets targets_hit",
        "objective": "objectives kept missed undecided",
        "guardrail": "guardrails",
        "fault": "faults",
        "undo": "undo",
        "step": "steps",
        "request": "requests canary_bad canary_total stable_bad stable_total",
    }.items()
    for name in names.split()
}
"""What a field of a brief counts."""

_RECOVERY = "recover|whole|outage|after|felt|breach|customer|fail|took|회복|온전|장애|겪|실패"
_EVIDENCE = "e-value|evidence|e-값|증거"
_STEP = "step|weight|traffic|promot|bake|단계|가중치|트래픽"
CUES = {
    "window_seconds": "look|window|관측|표본",
    "metric_period_seconds": "metric|period|지표|주기",
    "probe_timeout_seconds": "within|timeout|answer|time|안에|응답|답|제한",
    "needed_good_seconds": "good|asked|need|healthy|require|성공|필요|정상",
    "good_seconds": "good|healthy|성공|정상",
    "duration_seconds": "fault|last|for |action|inject|장애|동안|주입",
    "run_seconds": "run|whole|total|took|experiment|canary|실행|전체|실험|카나리",
    "target_seconds": "target|within|goal|allow|recover|목표|안에|회복",
    "resolution_seconds": "known|resol|accura|precis|sharp|±|interval|압니다|해상|정밀|구간",
    "low_seconds": _RECOVERY,
    "high_seconds": _RECOVERY,
    "breach_delay_seconds": "first|breach|after|later|첫|뒤|만에",
    "failed_percent": "probe|fail|request|프로브|실패|요청",
    "outage_percent": "probe|fail|request|outage|프로브|실패|요청",
    "worst_percent": "worst|peak|most|second|가장|최대|최고|정점",
    "used_percent": "recover|target|used|회복|목표|썼",
    "planned_dollars": "plan|estimat|expect|budget|계획|예상",
    "cost_dollars": "cost|price|spent|paid|비용|들었|든",
    "targets_hit": "target|hit|instance|resource|fault|대상|맞|인스턴스",
    "kept": "kept|keep|met|held|pass|지켰|통과",
    "missed": "miss|fail|broke|exceed|벗어|실패|위반",
    "undecided": "judged|decide|inconclusive|unknown|판정|결론",
    "limit": "bound|limit|below|above|most|least|exactly|under|over|past|ask|allow|target|than|"
    "기준|한계|미만|이하|이상|초과|정확히|허용|보다",
    "bound": "bound|limit|below|above|most|least|exactly|under|over|past|ask|allow|target|than|"
    "baseline|[<>=]|기준|한계|미만|이하|이상|초과|정확히|허용",
    "multiple": "baseline|bound|limit|floor|기준|한계",
    "baseline_times": "baseline|before|usual|normal|from|기준값|이전|평소|에서",
    "baseline": "baseline|before|usual|normal|history|from|기준값|이전|평소|에서|전",
    "worst": "worst|peak|max|high|most|rose|fell|가장|최대|최고|봉우리|까지",
    "margin": "margin|left|short|room|under|over|여유|남|모자|넘",
    "peak_e_value": _EVIDENCE,
    "limit_e_value": _EVIDENCE,
    "promotion_e_value": _EVIDENCE,
    "needed_e_value": _EVIDENCE,
    "peak_percent": "limit|e-value|evidence|e-값|한계|증거",
    "weight_percent": _STEP,
    "step_percent": _STEP,
    "restore_seconds": "back|restor|took|되돌|돌아|걸",
    "slow_over_milliseconds": "slow|over|느린|넘",
    "canary_percent": "canary|카나리",
    "stable_percent": "stable|안정|기존",
    "margin_times": "margin|promot|times|배",
    "confidence_percent": "confiden|신뢰|확신",
    "tick": "(?:a|each|every|per|worst|one) second|1초(?:에|마다|당|간| 동안)",
}
"""Words of which one must stand in a sentence that tells the field: else a figure that happens to
be right for something else would do."""

_NEXT_WORDS = re.compile(
    r"\s*(?:bad |slow |failed )?(?:of (?:the |all |its )*[\d,.]* ?)?((?:[A-Za-z-]+[\s-]*){0,3})"
)
_CLAUSE = re.compile(r"[;:.!?(]")
_COUNTER = re.compile(r"\s?(?:개|건|번|대|회|곳|명|가지|단계|차례)")
_HANGUL = sorted((noun for noun in NOUNS if noun > "가"), key=len, reverse=True)


def noun_of(amount: Amount, text: str) -> frozenset[str]:
    """Return what a count or a share counts: in English the noun after it, in Korean the one
    before; nothing where no known noun stands there."""
    if amount.kind not in ("count", "percent"):
        return frozenset()
    end = amount.start + len(amount.text)
    match = _NEXT_WORDS.match(text, end)
    share = amount.kind == "percent" and not re.match(r"\s*of\b", text[end:])
    if match and not share:
        for word in re.findall("[a-z]+", match[1].lower()):
            if meant := NOUNS.get(word.removesuffix("s")) or NOUNS.get(word):
                return meant
    if not (_COUNTER.match(text, end) or _COUNTER.search(amount.text) or share):
        return frozenset()
    clause = _CLAUSE.split(text[: amount.start])[-1]
    places = [(clause.rfind(noun), noun) for noun in _HANGUL if noun in clause]
    if not places or (amount.kind == "percent" and "프로브" not in clause):
        return frozenset()
    return NOUNS["프로브" if amount.kind == "percent" else max(places)[1]]


def is_spoken_of(nouns: frozenset[str], text: str) -> bool:
    """Whether a text has a word for one of these nouns."""
    return any(meant & nouns and noun in text.lower() for noun, meant in NOUNS.items())
