"""The machine `recover`, alone, on whatever a canary can have left; checked from the account."""

import json
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from steadystate.adapters.run_store import TableRunStore
from steadystate.canary_contracts import CanaryRun, Traffic, Weights
from steadystate.domain.verdict import Verdict
from tests.canary import worlds
from tests.recover.conftest import REGION, STACK, Stack

_NUMBERS = count()
ORIGINAL, SHIFTED, FOREIGN = (100, 0), (90, 10), (3, 777)


def _planned() -> CanaryRun:
    world = worlds.World()
    world.plan()
    return world.kept()


PLANNED = _planned()


class Dead:
    """A canary whose execution is over, and what it may have left, step by step."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.stack, self.store = stack, TableRunStore(stack.outputs["TableName"])
        self.elb = stack.client("elbv2")
        number = next(_NUMBERS)
        self.run_id = f"canary-{name}-{number}"
        self._front(f"front-{number}", number)
        self.run = self._run()
        self.store.begin(self.run, time.time() + 900)

    def _front(self, name: str, number: int) -> None:
        """A load balancer that splits traffic between two groups."""
        ec2 = self.stack.client("ec2")
        self.vpc = ec2.create_vpc(CidrBlock=f"10.{100 + number}.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.{100 + number}.{n}.0/24")["Subnet"]
            for n in range(2)
        ]
        balancer = self.elb.create_load_balancer(
            Name=name, Subnets=[subnet["SubnetId"] for subnet in subnets]
        )["LoadBalancers"][0]["LoadBalancerArn"]
        self.stable, self.canary, self.other = (self._group(f"{name}-{n}") for n in range(3))
        self.listener = self.elb.create_listener(
            LoadBalancerArn=balancer,
            Protocol="HTTP",
            Port=80,
            DefaultActions=[self._forward({self.stable: 100, self.canary: 0})],
        )["Listeners"][0]["ListenerArn"]

    def _group(self, name: str) -> str:
        answer = self.elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=self.vpc)
        return str(answer["TargetGroups"][0]["TargetGroupArn"])

    def _forward(self, weights: dict[str, int]) -> dict[str, Any]:
        groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]
        return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}

    def _run(self) -> CanaryRun:
        workload = f"w-{self.run_id}"
        arn = f"arn:aws:states:{REGION}:123456789012:execution:{STACK}-canary:{self.run_id}"
        update = {
            "run_id": self.run_id,
            "workload": workload,
            "execution_arn": arn,
            "started_at": time.time(),
            "traffic": Traffic(place=self.listener, stable=self.stable, canary=self.canary),
            "alarms": [],
        }
        return PLANNED.model_copy(update={"plan": PLANNED.plan.model_copy(update=update)})

    def put(self, weights: dict[str, int]) -> "Dead":
        self.elb.modify_listener(ListenerArn=self.listener, DefaultActions=[self._forward(weights)])
        return self

    def weights(self) -> tuple[int, ...]:
        """What the listener has now, in the order stable, canary, others."""
        (listener,) = self.elb.describe_listeners(ListenerArns=[self.listener])["Listeners"]
        groups = listener["DefaultActions"][0]["ForwardConfig"]["TargetGroups"]
        found = {group["TargetGroupArn"]: group["Weight"] for group in groups}
        return tuple(found[arn] for arn in (self.stable, self.canary, self.other) if arn in found)

    def keep(self, **update: Any) -> "Dead":
        self.run = self.store.keep_look(self.run, self.run.progress.model_copy(update=update))
        return self

    def opened(self) -> "Dead":
        self.store.open_undo(self.run, ["weights"], time.time() - 60)
        return self

    def intended(self) -> "Dead":
        wanted = Weights(stable=90, canary=10)
        return self.opened().keep(intended=wanted, intended_at=time.time() - 60)

    def set(self) -> "Dead":
        return self.intended().put({self.stable: 90, self.canary: 10})

    def answered(self) -> "Dead":
        expected = Weights(stable=90, canary=10)
        return self.set().keep(intended=None, intended_at=None, expected=expected, phase="baking")

    def without_listener(self) -> "Dead":
        self.elb.delete_listener(ListenerArn=self.listener)
        return self

    def without_canary_group(self) -> "Dead":
        """Somebody cleans up the new version, and all of its traffic split."""
        self.put({self.stable: 1}).elb.delete_target_group(TargetGroupArn=self.canary)
        return self

    def promoted(self) -> "Dead":
        expected = Weights(stable=0, canary=100)
        self.answered().put({self.stable: 0, self.canary: 100})
        return self.keep(expected=expected, phase="done")

    def taken_over(self) -> "Dead":
        """Its lease has expired, and another canary began on the workload."""
        self.store.renew_lease(self.run, time.time() - 1)
        plan = self.run.plan
        update = {
            "run_id": f"{self.run_id}-next",
            "execution_arn": f"{plan.execution_arn}-next",
            "started_at": time.time(),
        }
        other = self.run.model_copy(update={"plan": plan.model_copy(update=update), "version": 0})
        self.store.begin(other, time.time() + 900)
        return self

    def undo(self) -> tuple[str, str]:
        """The record of the weights: its state, and what was found."""
        (record,) = self.store.undo_records(self.run_id)
        return record.state, record.found


LEFT: dict[str, tuple[Callable[[Dead], Dead], tuple[int, ...] | None, str]] = {
    "a-lease": (lambda d: d, ORIGINAL, ""),
    "record-of-nothing": (lambda d: d.opened(), ORIGINAL, "as they were: 100/0"),
    "shift-that-never-came": (lambda d: d.intended(), ORIGINAL, "as they were: 100/0"),
    "shift-without-answer": (lambda d: d.set(), ORIGINAL, "restored 100/0 from 90/10"),
    "shift": (lambda d: d.answered(), ORIGINAL, "restored 100/0 from 90/10"),
    "weights-of-others": (
        lambda d: d.answered().put({d.stable: 3, d.canary: 777}),
        FOREIGN,
        "left alone: someone else set 3/777",
    ),
    "traffic-elsewhere": (
        lambda d: d.answered().put({d.stable: 1, d.other: 1}),
        (1, 1),
        "left alone: ",
    ),
    "canary-group-deleted": (
        lambda d: d.answered().without_canary_group(),
        (1,),
        "left alone: someone else set 1/-",
    ),
    "listener-deleted": (lambda d: d.answered().without_listener(), None, "left alone: "),
    "restored": (
        lambda d: d.answered().put({d.stable: 100, d.canary: 0}),
        ORIGINAL,
        "as they were: 100/0",
    ),
    "promoted": (lambda d: d.promoted(), (0, 100), "kept at 0/100: promoted"),
    "taken-over": (lambda d: d.taken_over(), ORIGINAL, ""),
}
"""What is left, the weights that are right afterwards, and what the ledger says of them."""


def closed(dead: Dead) -> CanaryRun:
    """The run, of which nothing is left."""
    assert dead.run_id not in dead.store.open_runs()
    assert dead.store.holder(dead.run.plan.workload, time.time()) is None
    assert all(r.state == "undone" and r.found for r in dead.store.undo_records(dead.run_id))
    run = dead.store.get(dead.run_id)
    assert isinstance(run, CanaryRun)
    assert run.verdict is not None
    return run


def test_two_recoveries_at_once_leave_the_right_weights_whatever_canaries_left(
    connected: Stack,
) -> None:
    dead = {name: left(Dead(connected, name)) for name, (left, _, _) in LEFT.items()}
    both = [connected.recover(), connected.recover()]
    ends = [connected.end_of(execution) for execution in both]
    assert [e["status"] for e in ends] == ["SUCCEEDED", "SUCCEEDED"], ends
    s3, bucket = connected.client("s3"), connected.outputs["EvidenceBucketName"]
    for name, (_, weights, found) in LEFT.items():
        one, run = dead[name], closed(dead[name])
        if weights is not None:
            assert one.weights() == weights, name
        if found:
            state, said = one.undo()
            assert state == "undone", name
            # of two at once, the later one may find restored what the other has restored
            assert said.startswith((found, "as they were" if "restored" in found else found)), name
        assert run.verdict in (Verdict.ERROR, Verdict.INCONCLUSIVE), name
        body = s3.get_object(Bucket=bucket, Key=f"runs/{one.run_id}/run.json")["Body"].read()
        assert json.loads(body)["verdict"] == run.verdict
    assert connected.end_of(connected.recover())["status"] == "SUCCEEDED"


def denied(stack: Stack, action: str) -> Callable[[], None]:
    """Deny the undo an action; the answer allows it again."""
    iam, role = stack.client("iam"), stack.role_of("UndoRunFunction")
    deny = {"Effect": "Deny", "Action": action, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_role_policy(RoleName=role, PolicyName="organisation", PolicyDocument=policy)
    return lambda: iam.delete_role_policy(RoleName=role, PolicyName="organisation")


def test_weights_that_may_not_be_told_or_set_say_what_a_person_must_set(connected: Stack) -> None:
    for operation in ("DescribeListeners", "ModifyListener"):
        dead = Dead(connected, "denied").answered()
        allow = denied(connected, f"elasticloadbalancing:{operation}")
        try:
            ended = connected.end_of(connected.recover())
        finally:
            allow()
        assert (ended["status"], ended["error"]) == ("FAILED", "UndoIncomplete")
        by_hand = f"By hand: give {dead.listener} the weights 100/0 (stable/canary)"
        for part in (dead.run_id, operation, "AccessDenied", by_hand, "docs/recovery.md"):
            assert part in ended["cause"]
        assert (dead.weights(), dead.undo()[0]) == (SHIFTED, "open")
        assert connected.end_of(connected.recover())["status"] == "SUCCEEDED"
        closed(dead)
        assert dead.weights() == ORIGINAL


def test_the_sweep_tries_again_by_itself_until_nothing_is_left(connected: Stack) -> None:
    dead = Dead(connected, "swept").answered()

    def swept(every: str) -> str:
        before = len(connected.recoveries())
        connected.sweep("ENABLED", every)
        try:
            return connected.wait_for_sweep(before)
        finally:
            connected.sweep("DISABLED")

    allow = denied(connected, "elasticloadbalancing:ModifyListener")
    try:
        assert swept("rate(6 minutes)") == "FAILED"
        assert (dead.weights(), dead.undo()[0]) == (SHIFTED, "open")
    finally:
        allow()
    assert swept("rate(7 minutes)") == "SUCCEEDED"
    closed(dead)
    assert dead.weights() == ORIGINAL
