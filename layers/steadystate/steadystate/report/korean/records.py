"""What runs record, in Korean: a phrase book of the English that the code writes.

A phrase's places are named after what may stand there; see _KINDS. Words that no phrase fits stay
as they are.
"""

import re
from functools import cache
from typing import Final

_KINDS: Final = {
    "number": r"-?[\d.,]+(?:e[+-]?\d+)?",
    "evidence": r"(?:over |under )?[\d.,]+(?:e[+-]?\d+)?",
    "name": r"[^\s;:()]+",
    "amount": r"-?(?:[\d.,]+(?:e[+-]?\d+)?|inf|nan)(?: %| ms| KRW)?",
    "bound": r"[<>=]{1,2} [^;:()]+?",
    "weights": r"(?:\d+|-)/(?:\d+|-)|unknown",
    "side": r"\d+ of \d+(?: \([\d.e+-]+ %\))?",
    "time": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
    "place": r"\S+",
    "words": r".+?",
    "note": r"[^;()]+",
    "why": r".+?",
    "said": r".+",
}
_PHRASES_TOO: Final = frozenset({"note", "why", "said"})
"""These are looked up in their turn; all else stays: `words` are a person's or a machine's."""

_LIST, _OF = "; ", ": "
_MOST_NESTED: Final = 8

PHRASES: Final = {
    # objectives
    "no baseline over 0 for {name}, so {bound} cannot be judged":
        "{name}의 기준값이 0보다 크지 않아 {bound} 기준으로 판정할 수 없음",
    "no data for {name}": "{name} 데이터 없음",
    "no data for {name} ({number} points without observations)":
        "{name} 데이터 없음(관측이 없는 점 {number}개)",
    "{amount} keeps {bound} ({note})": "{amount}, 기준 {bound} 지킴({note})",
    "{amount} misses {bound} ({note})": "{amount}, 기준 {bound} 벗어남({note})",
    "{amount} misses {bound}": "{amount}, 기준 {bound} 벗어남",
    "the last point after recovery": "회복 뒤의 마지막 점",
    "the worst of {number} points": "점 {number}개 가운데 가장 나쁜 점",
    "{number} observations in {number2} points, worst point {amount}":
        "점 {number2}개에 관측 {number}건, 가장 나쁜 점 {amount}",
    "{name} has {number} points of history, {number2} are needed":
        "{name} 이력의 점이 {number}개, 필요한 것은 {number2}개",
    "{name} is not kept before the fault: {said}":
        "장애를 주기 전에 {name} 목표를 지키지 못함: {said}",
    # guardrails
    "no baseline for {name}": "{name} 기준값 없음",
    "no data for {number} s for {name}": "{number}초 동안 {name} 데이터 없음",
    "{name} {amount} misses {bound} in {number} point in a row":
        "{name} {amount}, 점 {number}개에서 기준 {bound} 벗어남",
    "{name} {amount} misses {bound} in {number} points in a row":
        "{name} {amount}, 잇달아 점 {number}개에서 기준 {bound} 벗어남",
    "held so far: no data yet": "지금까지 지켜짐, 아직 데이터 없음",
    "never looked at": "살펴본 적 없음",
    # recovery
    "no fault was injected": "장애를 주지 않음",
    "no probe was answered or sent after the fault": "장애 뒤에 보낸 프로브 없음",
    "probes were good for {number} of {number2} s, {number3} of {number4} needed":
        "프로브가 {number2}초 가운데 {number}초 동안 성공, 필요한 {number4}건 가운데 {number3}건 "
        "확인",
    "recovery took at least {number} s, over the target of {number2} s":
        "회복에 적어도 {number}초 걸려 목표 {number2}초를 넘김",
    "recovery took {number} to {number2} s, over the target of {number3} s":
        "회복에 {number}~{number2}초 걸려 목표 {number3}초를 넘김",
    "recovery took at least {number} s and was not proven: {said}":
        "회복에 적어도 {number}초 걸렸고 증명되지 않음: {said}",
    "recovery took {number} to {number2} s: the target of {number3} s lies between":
        "회복에 {number}~{number2}초 걸렸고 목표 {number3}초가 그 사이에 있음",
    "recovered {number} to {number2} s after the fault, target {number3} s":
        "장애 뒤 {number}~{number2}초 만에 회복, 목표 {number3}초",
    "no probe of {number} failed, but only {number2} of {number3} s were watched, "
    "and {number4} probes are needed":
        "프로브 {number}건 가운데 실패 없음. 그러나 {number3}초 가운데 {number2}초만 지켜보았고, "
        "프로브는 {number4}건이 필요함",
    "no impact: none of {number} probes failed after the fault; "
    "an outage of less than {number2} s could have gone unseen":
        "영향 없음: 장애 뒤의 프로브 {number}건 가운데 실패 없음. {number2}초보다 짧은 중단은 "
        "보이지 않았을 수 있음",
    # looks at an experiment
    "actions: {number}, targets: {number2}": "동작 {number}개, 대상 {number2}개",
    "{number} of {number2} probes failed before the fault":
        "장애를 주기 전의 프로브 {number2}건 가운데 {number}건 실패",
    "{number} probes answered": "프로브 {number}건이 답을 받음",
    "FIS experiment {name}": "FIS 실험 {name}",
    "FIS says {name}": "FIS의 상태 {name}",
    "the fault did not end within {number} s": "장애가 {number}초 안에 끝나지 않음",
    "the experiment ended before it acted": "실험이 작용하기 전에 끝남",
    "after {number} s of watching": "{number}초 동안 지켜본 뒤",
    # verdicts
    "all {number} objectives kept": "목표 {number}개를 모두 지킴",
    "stopped before it was over: {said}": "끝나기 전에 멈춤: {said}",
    "not tested: {said}": "시험하지 못함: {said}",
    "the fault hit no target": "장애가 맞힌 대상 없음",
    "the fault hit no target (FIS: {words})": "장애가 맞힌 대상 없음(FIS: {words})",
    "no cause given": "적힌 까닭 없음",
    "no reason given": "적힌 이유 없음",
    "halted by {words} since {time} UTC: {said}": "전체 정지({words}, {time} UTC부터): {said}",
    "halted by {words}: {said}": "전체 정지({words}): {said}",
    # the ledger
    "records read back: {number}": "다시 읽어 확인한 기록 {number}개",
    "no template left": "남은 템플릿 없음",
    "no experiment was started": "시작된 실험 없음",
    "{name} gone from FIS": "{name} FIS에 없음",
    "never started": "시작하지 않음",
    "{name} touched nothing: its execution is {name2}": "{name} 건드린 것 없음, 실행 상태 {name2}",
    "{name} is closed: {said}": "{name} 닫힘, {said}",
    "without a verdict": "판정 없음",
    "closed: {words}": "닫힘: {words}",
    # weights
    "steps {words}": "단계 {words}",
    "back to {weights}": "되돌릴 가중치 {weights}",
    "step {number} of {number2}": "{number2}단계 가운데 {number}단계",
    "{weights} ({note}), read back": "{weights}({note}), 다시 읽어 확인",
    "takes run {name} back": "{name} 실행을 되돌림",
    "as {name} left them": "{name} 실행이 남긴 가중치",
    "restored {weights} from {weights2}": "되돌림, {weights2} → {weights}",
    "as they were: {weights}": "처음 그대로 {weights}",
    "kept at {weights}: promoted": "승격한 그대로 {weights}",
    "never moved: {weights}": "옮기지 않음, {weights}",
    "left alone: {said}": "손대지 않음: {said}",
    "someone else set {weights}": "다른 누군가가 바꾼 가중치 {weights}",
    "someone else set {weights}, where this run had {weights2}":
        "다른 누군가가 바꾼 가중치 {weights}(이 실행의 가중치 {weights2})",
    "someone else set targets that are not this canary's, where this run had {weights}":
        "다른 누군가가 이 카나리의 것이 아닌 대상으로 바꿈(이 실행의 가중치 {weights})",
    "weights {said}": "가중치: {said}",
    # evidence on both sides
    "e-value reached {number} at look {number2}: canary {side} bad against stable {side2} in this "
    "look, {side3} against {side4} since the start; margin {number3}, alpha {number4}":
        "{number2}번째 비교에서 e-값이 {number}에 이름: 나쁜 요청이 카나리 {side}, stable {side2}, "
        "시작부터는 카나리 {side3}, stable {side4}(margin {number3}, alpha {number4})",
    "e-value reached {number} at look {number2}: canary {side} bad in this look, alone, where "
    "{number3} % is acceptable, {side2} against {side3} since the start; margin {number4}, "
    "alpha {number5}":
        "{number2}번째 비교에서 e-값이 {number}에 이름: 모든 요청을 받은 카나리의 나쁜 요청 "
        "{side}, 허용 비율 {number3} %, 시작부터는 카나리 {side2}, stable {side3}"
        "(margin {number4}, alpha {number5})",
    "canary {side} bad against stable {side2}, e-value {evidence} of {number} for a rate {note} "
    "at {number2} % confidence":
        "나쁜 요청이 카나리 {side}, stable {side2}; 비율이 {note}이라는 e-값 {evidence}, "
        "필요한 e-값 {number}(신뢰도 {number2} %)",
    "canary {side} bad, e-value {evidence} of {number} for a rate {note} at {number2} % confidence":
        "나쁜 요청이 카나리 {side}; 비율이 {note}이라는 e-값 {evidence}, 필요한 e-값 {number}"
        "(신뢰도 {number2} %)",
    "under {number} times stable's": "stable의 {number}배 미만",
    "under {number} %": "{number} % 미만",
    "under {number} times stable's or under {number2} %":
        "stable의 {number}배 미만 또는 {number2} % 미만",
    "that is acceptable": "받아들일 만한 것",
    "the bake is not over": "베이크가 끝나지 않음",
    "no requests on {name}": "{name} 쪽에 요청 없음",
    "{name} had {number} of at least {number2} requests":
        "{name} 쪽의 요청 {number}건, 적어도 {number2}건이 필요함",
    "the margin is not shown yet": "margin을 아직 보이지 못함",
    "the acceptable rate is not shown yet": "받아들일 수 있는 비율을 아직 보이지 못함",
    "{note}: no bad request on either side gives no ratio; state an acceptable rate":
        "{note}: 양쪽에 나쁜 요청이 없어 비를 말할 수 없으니 받아들일 수 있는 비율을 정할 것",
    "no stable to compare with; state an acceptable rate":
        "견줄 stable이 없으니 받아들일 수 있는 비율을 정할 것",
    "no look": "관측 없음",
    "{place} has no healthy target": "{place}에 정상 대상 없음",
    "stable still had {number} requests in the last metric period: it is not idle yet":
        "마지막 지표 주기에도 stable에 요청 {number}건이 있어 아직 비지 않음",
    "stable had no requests any more in the last metric period: it can be called idle":
        "마지막 지표 주기에 stable에 요청이 없어 비었다고 볼 수 있음",
    "promoted {words} with evidence at every step, in {number} looks":
        "관측 {number}번 동안 모든 단계({words})에서 증거를 얻어 승격",
    "promoted without evidence at {said}": "증거 없이 승격: {said}",
    "it ended before it was promoted": "승격하기 전에 끝남",
    "run {name} is taken back": "{name} 실행을 되돌림",
    "run {name} is not taken back: {said}": "{name} 실행을 되돌리지 못함: {said}",
    # gates
    "evidence is missing at {number} %: {said}": "{number} %에서 증거가 모자람: {said}",
    "{number} % held, with evidence; traffic goes beyond it when somebody says so":
        "{number} %에서 증거를 얻어 지켜짐. 누군가 승인하면 트래픽을 더 옮김",
    "{number} % (approved by {words})": "{number} %(승인: {words})",
    "nobody answered within {number} s": "{number}초 안에 아무도 답하지 않음",
    "approved by {words}: {why}, without the evidence: {said}":
        "승인: {words}: {why}, 증거는 모자람: {said}",
    "approved by {words}: {said}": "승인: {words}: {said}",
    "run {name} was not over within {number} s": "{name} 실행이 {number}초 안에 끝나지 않음",
    "run {name} ended without a PASS ({name2}): {said}":
        "{name} 실행이 PASS 없이 끝남({name2}): {said}",
    "run {name}: {said}": "{name} 실행: {said}",
    # what stopped a run
    "steady state": "안정 확인",
    "kill switch": "전체 정지",
    "guardrail {name}": "가드레일 {name}",
    "blind guardrail {name}": "볼 수 없는 가드레일 {name}",
    "guardrail: FIS stop condition": "가드레일: FIS의 정지 조건",
    "blind: stopped in FIS": "FIS에서 멈춤",
    "blind: fault limit": "장애의 한계 시간",
    "guardrail: FIS stop condition: {said}": "가드레일: FIS의 정지 조건: {said}",
    "blind: stopped in FIS: {said}": "FIS에서 멈춤: {said}",
    "blind: fault limit: {said}": "장애의 한계 시간: {said}",
    "regression": "퇴행",
    "foreign weights": "다른 누군가가 바꾼 가중치",
    "unhealthy canary": "정상 대상이 없는 카나리",
    "no evidence": "증거 부족",
    "unanswered": "답 없음",
    "rejected": "거절",
    "chaos gate failed": "카오스 관문 실패",
    "chaos gate unfinished": "끝나지 않은 카오스 관문",
    "chaos gate inconclusive": "결론이 없는 카오스 관문",
    "recovery": "회복",
    # what older records say
    "{number} actions on {number2} targets": "동작 {number}개, 대상 {number2}개",
    "{number} records read back": "다시 읽어 확인한 기록 {number}개",
}  # fmt: skip


def in_korean(text: str) -> str:
    """Return words of a record in Korean, phrase by phrase."""
    return _told(text, _MOST_NESTED)


def _told(text: str, nested: int) -> str:
    """Tell a list of phrases; one of them may have the list's separator inside."""
    rest, told = text.split(_LIST), list[str]()
    while rest:
        for size in (len(rest), 2, 1):
            phrase = _phrase(_LIST.join(rest[:size]), nested)
            if phrase is not None:
                break
        told.append(_headed(rest[0]) if phrase is None else phrase)
        rest = rest[size:]
    return _LIST.join(told)


def _phrase(text: str, nested: int) -> str | None:
    """Tell one phrase, or one behind what it is about; None where the book has none."""
    if not nested:
        return None
    for pattern, korean in _book():
        if match := pattern.fullmatch(text):
            places = match.groupdict().items()
            return korean.format(**{k: _placed(k, v, nested - 1) for k, v in places})
    head, colon, rest = text.partition(_OF)
    phrase = _phrase(rest, nested - 1) if colon and _LIST not in head else None
    return None if phrase is None else _headed(f"{head}{_OF}") + phrase


def _headed(text: str) -> str:
    """Tell what a phrase is about, and leave the rest."""
    head, colon, rest = text.partition(_OF)
    return f"{_phrase(head, 1) or head}{colon}{rest}"


def bound_in_korean(text: str) -> str:
    """Return a bound as records write it, or a value with its unit."""
    return text.replace(" x baseline", " × 기준값").replace(" KRW", "원")


@cache
def _book() -> list[tuple[re.Pattern[str], str]]:
    return [(_pattern(english), korean) for english, korean in PHRASES.items()]


def _pattern(english: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", english)
    for at in range(1, len(parts), 2):
        parts[at] = f"(?P<{parts[at]}>{_KINDS[parts[at].rstrip('0123456789')]})"
    parts[::2] = map(re.escape, parts[::2])
    return re.compile("".join(parts), re.DOTALL)


def _placed(place: str, value: str, nested: int) -> str:
    kind = place.rstrip("0123456789")
    if kind in _PHRASES_TOO:
        return _told(value, nested)
    if kind == "side":
        return re.sub(r"(\d+) of (\d+)(?: (.+))?", r"\2건 가운데 \1건\3", value)
    if kind == "evidence":
        return re.sub("under (.+)", r"\1 미만", re.sub("over (.+)", r"\1 이상", value))
    if value == "canary":
        return "카나리"
    return bound_in_korean(value) if kind in ("bound", "amount") else value
