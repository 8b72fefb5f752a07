"""One look: probe for a window, read what is new, check the guardrails, say what comes next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from steadystate.contracts import (
    FAULT_OVER,
    Event,
    FaultState,
    Halt,
    Next,
    Phase,
    Progress,
    Run,
    RunInput,
    Sample,
    Stop,
    Watched,
)
from steadystate.documents.workload import CloudWatchSli, HttpSli, LoadBalancerSli
from steadystate.domain.guardrails import GuardrailResult, GuardrailState
from steadystate.domain.recovery import Tick, measure
from steadystate.domain.series import Point, usable
from steadystate.errors import FaultFailed, Halted, LeaseLost, TransientError
from steadystate.ports import (
    Bus,
    Faults,
    Metrics,
    Prober,
    Readings,
    RunStore,
    Switch,
    TargetHealth,
)
from steadystate.run.guarding import Guarding
from steadystate.run.judgement import (
    KILL_SWITCH,
    objective_of,
    struck_share,
    summary_of,
)
from steadystate.run.reading import read_now
from steadystate.run.timing import LEASE_SECONDS, settled_until


@dataclass(frozen=True, slots=True)
class Watching:
    """What a look needs of the world."""

    store: RunStore
    faults: Faults
    prober: Prober
    metrics: Metrics
    health: TargetHealth
    readings: Readings
    switch: Switch
    bus: Bus
    now: Callable[[], float]


def watch_window(request: RunInput, world: Watching) -> Watched:
    """Look once and say what comes next.

    Raises
    ------
    LeaseLost
        Another run took the workload over, also in the middle of the look: nothing of it is kept.
    FaultFailed
        The FIS experiment failed midway.
    TransientError
        Another delivery, or an undo, went ahead of this look.
    """
    run = known_run(world.store, request.run_id)
    if run.progress.stop and run.progress.phase == "baseline":
        return _answer(run, run.progress, "evaluate")
    world.store.renew_lease(run, world.now() + LEASE_SECONDS)
    return Look(run, world).finish()


def known_run(store: RunStore, run_id: str) -> Run:
    """Return a run that a task was given. Raises LeaseLost when the table does not know it."""
    run = store.get(run_id)
    if not isinstance(run, Run):
        raise LeaseLost(f"run {run_id} is not in the table, so it holds no workload")
    return run


def stop_by_switch(halt: Halt, at: float) -> Stop:
    """Return the stop of a run that the kill switch ends."""
    return Stop(by=KILL_SWITCH, reason=str(halt), at=at)


def _answer(run: Run, progress: Progress, following: Next) -> Watched:
    return Watched(run_id=run.plan.run_id, phase=progress.phase, next=following)


class Look:
    """One look at a run. `after_second` is called after each second in which guardrails held."""

    def __init__(
        self, run: Run, world: Watching, after_second: Callable[[], None] = lambda: None
    ) -> None:
        self.run, self.plan, self.world = run, run.plan, world
        self._after_second = after_second
        self.before = run.progress
        self.phase: Phase = run.progress.phase
        self.started_at = world.now()
        self.since = run.progress.watched_since or self.started_at
        self.tripped: list[GuardrailResult] = []
        self.guarding = Guarding(
            self.plan.guardrails, self.plan.slis, run.baseline, self.before.recent, self.since
        )

    def finish(self) -> Watched:
        """Probe for the window, read, decide, and keep it all."""
        if said := self._said_before():
            return _answer(self.run, self.before, said)
        ticks = self.probe()
        sample, progress = self.take(ticks, self.before.fault)
        return self.close(sample, progress)

    def _said_before(self) -> Next | None:
        """Return what the last look decided, where its answer was lost: it is said again. A look
        that decided nothing is followed by another one."""
        fault = self.before.fault
        if self.phase == "baseline":
            return "inject" if self.before.looks else None
        if self.phase == "injecting":
            is_over = fault is not None and fault.status == "completed"
            return "undo" if self.before.stop or is_over else None
        return "evaluate" if self.phase == "done" else None

    def probe(self) -> list[Tick]:
        """Probe for the window, or until a guardrail breaks."""
        seconds = max(1, int(self.plan.timing.window_seconds))
        return self.world.prober.probe(self.plan.probe, seconds, self._stops)

    def close(self, sample: Sample, progress: Progress) -> Watched:
        """Decide what comes next, and keep sample and progress."""
        following, progress, sample = self.decide(sample, progress)
        self.world.store.keep_look(self.run, progress, sample)
        return _answer(self.run, progress, following)

    def take(self, ticks: list[Tick], fault: FaultState | None) -> tuple[Sample, Progress]:
        """Read what is new, and put it into a sample with the ticks."""
        now = self.world.now()
        points, notes, read_until = self._read_metrics(now)
        others, more = self._read_present(now)
        points |= others
        recent = self.guarding.remember(points, ticks)
        self.tripped, states = self.guarding.check(recent, now)
        sample = Sample(
            look=self.before.looks,
            phase=self.phase,
            started_at=self.started_at,
            ended_at=now,
            points=points,
            ticks=ticks,
            guardrails=states,
            notes=[*notes, *more],
        )
        failed = [t.last_failed_at for t in ticks if t.last_failed_at is not None]
        progress = self.before.model_copy(
            update={
                "looks": self.before.looks + 1,
                "metric_looks": self.before.metric_looks + (read_until > self.before.read_until),
                "read_until": read_until,
                "watched_since": self.since,
                "last_failed_at": max(failed, default=self.before.last_failed_at),
                "recent": recent,
                "fault": self._fresh(fault),
            }
        )
        return sample, progress

    def decide(self, sample: Sample, progress: Progress) -> tuple[Next, Progress, Sample]:
        """Say what comes next, and note it in the run's progress and timeline."""
        now = sample.ended_at
        if self.phase == "baseline":
            return self._decide_before(sample, progress, now)
        if self.phase == "injecting":
            return self._decide_while_injecting(sample, progress, now)
        return self._decide_while_recovering(sample, progress, now)

    def _decide_before(
        self, sample: Sample, progress: Progress, now: float
    ) -> tuple[Next, Progress, Sample]:
        sent, failed = sum(t.sent for t in sample.ticks), sum(t.failed for t in sample.ticks)
        why = ""
        if not sent or failed:
            why = f"{failed} of {sent} probes failed before the fault"
        elif self.tripped:
            why = f"guardrail {self.tripped[0].name}: {self.tripped[0].reason}"
        if halt := self._halt(sample):
            self._note(now, "halted", str(halt))
            update = {"stop": stop_by_switch(halt, now)}
            return "evaluate", progress.model_copy(update=update), sample
        if not why:
            self._note(now, "steady", f"{sent} probes answered")
            return "inject", progress, sample
        self._note(now, "not steady", why)
        stop = Stop(by="steady state", reason=why, at=now)
        return "evaluate", progress.model_copy(update={"stop": stop}), sample

    def _decide_while_injecting(
        self, sample: Sample, progress: Progress, now: float
    ) -> tuple[Next, Progress, Sample]:
        fault = progress.fault
        if fault is not None and fault.status == "failed":
            self.world.store.keep_look(self.run, progress, sample)
            raise FaultFailed(f"the FIS experiment failed: {fault.reason}")
        if self.tripped:
            broken = self.tripped[0]
            by = "guardrail" if broken.state is GuardrailState.BROKEN else "blind guardrail"
            stop = Stop(by=f"{by} {broken.name}", reason=broken.reason, at=now)
            self._note(now, "guardrail tripped", f"{broken.name}: {broken.reason}")
            return "undo", progress.model_copy(update={"stop": stop}), sample
        if halt := self._halt(sample):
            self._note(now, "halted", str(halt))
            update = {"stop": stop_by_switch(halt, now)}
            return "undo", progress.model_copy(update=update), sample
        if fault is None:
            raise FaultFailed("no experiment was started")
        if fault.status in FAULT_OVER:
            self._note(fault.ended_at or now, "fault over", f"FIS says {fault.status}")
            if fault.status == "completed":
                return "undo", progress, sample
            halted = "stop condition" in fault.reason
            by = "guardrail: FIS stop condition" if halted else "blind: stopped in FIS"
            stop = Stop(by=by, reason=fault.reason or "no reason given", at=now)
            return "undo", progress.model_copy(update={"stop": stop}), sample
        if now > self.plan.started_at + self.plan.timing.fault_limit_seconds:
            why = f"the fault did not end within {self.plan.timing.fault_limit_seconds:g} s"
            stop = Stop(by="blind: fault limit", reason=why, at=now)
            return "undo", progress.model_copy(update={"stop": stop}), sample
        return "watch", progress, sample

    def _halt(self, sample: Sample) -> Halt | None:
        """Ask the kill switch. A look acts on nothing: that it cannot be asked is noted, and the
        act asks again."""
        try:
            return self.world.switch.halt()
        except (TransientError, Halted) as error:
            sample.notes.append(f"kill switch: {error}")
            return None

    def _decide_while_recovering(
        self, sample: Sample, progress: Progress, now: float
    ) -> tuple[Next, Progress, Sample]:
        injected_at = progress.fault.started_at if progress.fault else None
        if injected_at is None:
            self._note(now, "not tested", "the experiment ended before it acted")
            return "evaluate", progress.model_copy(update={"phase": "done"}), sample
        waited = now - max(injected_at, progress.undone_at or injected_at)
        late = waited > self.plan.recovery.limit_seconds
        if not late and not self._is_recovered(sample, progress, injected_at):
            return "watch", progress, sample
        final, notes = self._read_final(now)
        sample = sample.model_copy(
            update={"points": {**sample.points, **final}, "notes": [*sample.notes, *notes]}
        )
        if not late and (missed := self._missed_after(sample)):
            notes = [*sample.notes, f"waiting for {', '.join(missed)}"]
            return "watch", progress, sample.model_copy(update={"notes": notes})
        what = "recovery limit passed" if late else "recovered"
        self._note(now, what, f"after {waited:.0f} s of watching")
        return "evaluate", progress.model_copy(update={"phase": "done"}), sample

    def _is_recovered(self, sample: Sample, progress: Progress, injected_at: float) -> bool:
        """Whether recovery is proven, and the metrics of the outage have been read."""
        recovery = self.plan.recovery
        last_bad = max(injected_at, progress.last_failed_at or 0.0)
        if sample.ended_at - last_bad < recovery.good_seconds:
            return False
        before = self.world.store.samples(self.plan.run_id)
        measured = measure(
            [tick for one in (*before, sample) for tick in one.ticks],
            injected_at=injected_at,
            target_seconds=recovery.target_seconds,
            good_seconds=recovery.good_seconds,
            struck_share=struck_share(self.plan),
        )
        proven = measured.from_fault is not None and measured.from_fault.high is not None
        return proven and progress.read_until >= last_bad + self.plan.timing.metric_period_seconds

    def _missed_after(self, sample: Sample) -> list[str]:
        """Return the objectives that must hold after recovery and do not, or do not show."""
        missed = []
        for name, document in self.plan.objectives.items():
            if document.when != "after":
                continue
            objective = objective_of(name, document, self.plan.slis[document.sli])
            before = summary_of(self.run.baseline, document.sli)
            limit = objective.bound.limit(before.mean if before else None, objective.floor)
            seen = usable(sample.points.get(document.sli, []))
            if limit is None or not seen or not objective.bound.holds(seen[-1].value, limit):
                missed.append(name)
        return missed

    def _read_metrics(self, now: float) -> tuple[dict[str, list[Point]], list[str], float]:
        """Read CloudWatch when a new datapoint can exist; a refusal is noted, and read again."""
        until = settled_until(self.plan, now)
        if until <= self.before.read_until:
            return {}, [], self.before.read_until
        slis = {
            name: sli
            for name, sli in self.plan.slis.items()
            if isinstance(sli, (LoadBalancerSli, CloudWatchSli))
        }
        try:
            points = self.world.metrics.read(
                slis,
                self.plan.load_balancer,
                since=self.before.read_until,
                until=until,
                period_seconds=self.plan.timing.metric_period_seconds,
            )
        except TransientError as error:
            return {}, [f"metrics: {error}"], self.before.read_until
        return points, [], until

    def _read_present(self, now: float) -> tuple[dict[str, list[Point]], list[str]]:
        slis = {n: s for n, s in self.plan.slis.items() if not isinstance(s, HttpSli)}
        world = self.world
        return read_now(slis, self.plan.load_balancer, world.health, world.readings, now)

    def _read_final(self, now: float) -> tuple[dict[str, list[Point]], list[str]]:
        slis = {n: s for n, s in self.plan.slis.items() if isinstance(s, HttpSli)}
        world = self.world
        return read_now(slis, self.plan.load_balancer, world.health, world.readings, now)

    def _stops(self, ticks: Sequence[Tick]) -> bool:
        """Whether the probes of this window already break a guardrail, so that it ends early."""
        if self.phase != "injecting":
            return False
        broken = self.guarding.breaks(ticks, self.world.now())
        if not broken:
            self._after_second()
        return broken

    def _fresh(self, fault: FaultState | None) -> FaultState | None:
        if fault is None or fault.status in FAULT_OVER:
            return fault
        return self.world.faults.state(fault.experiment_id)

    def _note(self, at: float, what: str, detail: str) -> None:
        run_id = self.plan.run_id
        self.world.store.add_event(run_id, Event(at=at, what=what, detail=detail))
        self.world.bus.announce(run_id, what.title(), {"detail": detail, "phase": self.phase})
