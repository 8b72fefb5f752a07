"""Canaries that could have been, and narratives of them as a model might write them.

As in `paraphrases`, the sentences are made from the numbers by other code than the product's.
"""

import random
from datetime import datetime, timedelta

from steadystate.documents.fields import Language
from steadystate.report.canary_brief import CanaryBrief, MetricBrief, canary_brief_of
from steadystate.report.replay import judge_again
from tests.report.paraphrases import Writer
from tests.reporting import canaries


def canary(seed: int) -> CanaryBrief:
    """Return a canary in brief, promoted or rolled back; the same for the same seed."""
    rng = random.Random(seed)
    evidence = canaries.rolled_back() if seed % 2 else canaries.promoted()
    known = canary_brief_of(judge_again(evidence))
    moved = timedelta(seconds=rng.uniform(0, 86_400))
    probes = rng.randint(400, 90_000)
    failed = rng.randint(0, probes // 20)
    back = known.rollback
    if back and back.restored_at:
        back = back.model_copy(
            update={
                "decided_at": back.decided_at + moved,
                "restored_at": back.restored_at + moved,
                "restore_seconds": rng.uniform(0.2, 14),
                "reason": "",
            }
        )
    steps = [
        step.model_copy(
            update={
                name: at + moved if (at := getattr(step, name)) else None
                for name in ("shifted_at", "read_back_at", "ended_at")
            }
            | {"reason": ""}
        )
        for step in known.steps
    ]
    update = {
        "started_at": known.started_at + moved,
        "ended_at": known.ended_at + moved,
        "run_seconds": rng.uniform(60, 9000),
        "why_text": "",
        "metrics": [_metric(one, rng) for one in known.metrics],
        "steps": steps,
        "weights": [w.model_copy(update={"at": w.at + moved}) for w in known.weights],
        "rollback": back,
        "minutes": [],
        "undo": [],
        "looks": rng.randint(12, 900),
        "probes": probes,
        "failed": failed,
        "failed_percent": 100.0 * failed / probes,
        "cost_dollars": rng.uniform(0.002, 0.9),
    }
    return known.model_copy(update=update)


def _metric(one: MetricBrief, rng: random.Random) -> MetricBrief:
    total, stable_total = rng.randint(300, 90_000), rng.randint(300, 900_000)
    bad, stable_bad = rng.randint(1, total // 6), rng.randint(1, stable_total // 8)
    mine, theirs = 100.0 * bad / total, 100.0 * stable_bad / stable_total
    peak = rng.uniform(1, 200)
    return one.model_copy(
        update={
            "canary_bad": bad,
            "canary_total": total,
            "canary_percent": mine,
            "stable_bad": stable_bad,
            "stable_total": stable_total,
            "stable_percent": theirs,
            "ratio_times": mine / theirs,
            "peak_e_value": peak,
            "peak_percent": peak / 2,
            "promotion_e_value": rng.uniform(0.01, 900),
        }
    )


class CanaryWriter(Writer):
    """Writes sentences about one canary."""

    def __init__(self, brief: CanaryBrief, language: Language, seed: int) -> None:
        self.brief, self.language = brief, language
        self.rng = random.Random(seed)
        self.forms = {}

    def sentences(self) -> list[str]:
        """Return a narrative, with its figures marked."""
        told = [s for metric in self.brief.metrics for s in self._metric(metric)]
        told += self._course()
        self.rng.shuffle(told)
        return told

    def _metric(self, one: MetricBrief) -> list[str]:
        assert one.canary_percent is not None
        assert one.stable_percent is not None
        assert one.peak_e_value is not None
        assert one.promotion_e_value is not None
        mine, theirs = self.percent(one.canary_percent), self.percent(one.stable_percent)
        peak = self.number(one.peak_e_value, 1, ("",))
        best = self.number(one.promotion_e_value, 1, ("",))
        if self.language == "en":
            bad = self.put(one.canary_bad, lambda v: f"{v:,.0f} bad")
            total = self.count(one.canary_total, "request")
            return [
                f"{one.name} was {mine} on the canary and {theirs} on stable.",
                f"For {one.name} the e-value reached {peak}.",
                f"The evidence for promotion of {one.name} came to an e-value of {best}.",
                f"The canary had {bad} of {total} in {one.name}.",
            ]
        bad, total = self.count(one.canary_bad, "건"), self.count(one.canary_total, "건")
        return [
            f"{one.name} 지표는 카나리에서 {mine}, stable에서 {theirs}였습니다.",
            f"{one.name} 지표의 e-값은 {peak}까지 갔습니다.",
            f"{one.name} 지표의 승격 증거는 e-값 {best}입니다.",
            f"{one.name} 지표에서 카나리의 요청 {total} 가운데 {bad}이 나빴습니다.",
        ]

    def _course(self) -> list[str]:
        brief, english = self.brief, self.language == "en"
        probes, failed = (
            self.count(n, "probe" if english else "건") for n in (brief.probes, brief.failed)
        )
        looks, began = self.count(brief.looks, "look"), self.clock(brief.started_at)
        if english:
            told = [
                f"Of {probes}, {failed} failed.",
                f"The canary began at {began} and was watched for {looks}.",
            ]
        else:
            looks = self.count(brief.looks, "번")
            told = [
                f"프로브 {probes} 가운데 {failed}이 실패했습니다.",
                f"카나리는 {began}에 시작했고 관측은 {looks}입니다.",
            ]
        told += [self._step(s.weight_percent, s.shifted_at) for s in brief.steps if s.shifted_at]
        back = brief.rollback
        if back and back.restore_seconds is not None:
            took = self.seconds(back.restore_seconds)
            told.append(
                f"Going back took {took}." if english else f"되돌리는 데 {took} 걸렸습니다."
            )
        return told

    def _step(self, weight: int, at: datetime) -> str:
        share = self.put(weight, lambda v: f"{v:.0f} %")
        if self.language == "en":
            return f"Traffic was moved to the step of {share} at {self.clock(at)}."
        return f"{self.clock(at)}에 트래픽을 {share} 단계로 옮겼습니다."
