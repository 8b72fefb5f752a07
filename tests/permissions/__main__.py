"""`make permissions`: how much of what each role may do it did, and why it may do the rest."""

import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.definitions.stack import resources
from tests.permissions.comparison import compared
from tests.permissions.exceptions import EXCEPTIONS
from tests.permissions.faults import NEEDED, given, missing_and_unused
from tests.permissions.policies import unlisted_and_stale


def main() -> int:
    """0 when nothing was refused, and nothing is unused without a reason."""
    with tempfile.TemporaryDirectory() as state:
        found = compared(Path(state))
    allowed = Counter(grant.owner for grant in found.grants)
    used = Counter(grant.owner for grant, was_used in found.grants.items() if was_used)
    print("| who | allowed: an action on a resource | used |\n|---|---|---|")
    for owner, count in sorted(allowed.items()):
        print(f"| {owner} | {count} | {used[owner]} |")
    (faults,) = resources("AWS::IAM::Role")["FaultRole"]["Policies"]
    statements = faults["PolicyDocument"]["Statement"]
    print(
        f"\nFaultRole: {len(given(statements))} allowed, "
        f"held against what AWS documents for {len(NEEDED)} faults"
    )
    print("\nNot used here, and why:")
    for one in EXCEPTIONS:
        print(f"- {', '.join(one.owners)}: {one.sid}: {one.what}: {one.reason}")
    problems = [f"refused: {line}" for line in found.refused]
    problems += unlisted_and_stale(found.grants, EXCEPTIONS) + missing_and_unused(statements)
    print("\n" + "\n".join(problems or ["Nothing refused, nothing unused without a reason."]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
