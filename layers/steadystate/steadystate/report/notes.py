"""Why a text is not a model's, or not all of it, in both languages."""

from steadystate.documents.fields import Language
from steadystate.report.contracts import Trouble

_TROUBLES: dict[Language, dict[Trouble, str]] = {
    "en": {
        "no model": "no model is named for it",
        "too dear": "a model's text could have cost more than is allowed",
        "slow": "the model did not answer in time",
        "throttled": "the model had too many requests",
        "denied": "the access to the model was denied",
        "unknown model": "the model does not exist here or does not take the request",
        "unavailable": "the model could not be reached",
        "refused": "the model did not write a report",
        "truncated": "the model's text was longer than is allowed",
        "nonsense": "the model's answer could not be read",
    },
    "ko": {
        "no model": "글을 쓸 모델이 정해져 있지 않아",
        "too dear": "모델의 글에 허용된 것보다 많은 비용이 들 수 있어",
        "slow": "모델이 제때 답하지 않아",
        "throttled": "모델에 요청이 너무 많아",
        "denied": "모델을 쓸 권한이 없어",
        "unknown model": "모델이 이곳에 없거나 요청을 받지 않아",
        "unavailable": "모델에 닿지 못해",
        "refused": "모델이 보고서를 쓰지 않아",
        "truncated": "모델의 글이 허용된 길이를 넘어",
        "nonsense": "모델의 답을 읽지 못해",
    },
}


def without_model(trouble: Trouble, language: Language) -> str:
    """Say why the whole text is deterministic."""
    why = _TROUBLES[language][trouble]
    if language == "en":
        return f"This text was written by fixed rules, as {why}."
    return f"{why} 정해진 규칙으로 글을 썼습니다."


def replaced(count: int, sentences: int, language: Language) -> str:
    """Say how many sentences of a model were replaced; nothing where none was."""
    if not count:
        return ""
    if language == "en":
        return (
            f"{count} of the model's {sentences} sentences did not agree with the evidence and "
            f"{'was' if count == 1 else 'were'} replaced."
        )
    return f"모델이 쓴 {sentences}개의 문장 가운데 증거와 맞지 않는 {count}개를 바꾸었습니다."
