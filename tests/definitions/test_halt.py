"""Whatever may act on a workload asks the kill switch; only what takes back does not."""

from tests.definitions.stack import ROOT, functions, logical_id
from tests.definitions.test_template import listed, statements

ACTS = {
    "fis:StartExperiment",
    "elasticloadbalancing:ModifyListener",
    "elasticloadbalancing:ModifyRule",
    "states:StartExecution",
}
TAKES_BACK = {"UndoRunFunction"}


def allowed(*actions: str) -> set[str]:
    """The functions that may do any of the actions."""
    wanted = set(actions)
    return {
        name
        for name, statement in statements()
        if name in functions() and wanted & set(listed(statement["Action"]))
    }


def test_every_function_that_plans_or_acts_asks_the_kill_switch() -> None:
    acting = allowed(*ACTS) - TAKES_BACK
    assert acting == {"StartFaultFunction", "ShiftWeightsFunction", "StartExperimentFunction"}
    planning = {"PlanRunFunction", "PlanCanaryFunction"}
    switched = {
        name
        for name, properties in functions().items()
        if "HALT_PARAMETER" in properties.get("Environment", {}).get("Variables", {})
    }
    assert acting | planning <= switched
    assert switched <= allowed("ssm:GetParameter")
    for folder in (ROOT / "functions").iterdir():
        if logical_id(folder.name) in acting | planning:
            text = (folder / "app.py").read_text(encoding="utf-8")
            assert 'switch=KillSwitch(setting("HALT_PARAMETER"))' in text, folder.name
