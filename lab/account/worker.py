"""A function's execution environment: AWS's own runtime client, ended with its parent.

Run as a file (`python -P worker.py HANDLER`), in the function's directory: nothing of the lab is
importable in it. Standard input is a pipe whose write end only the account process holds.
"""

import os
import signal
import sys
import threading


def _follow_stdin() -> None:
    while os.read(0, 4096):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=_follow_stdin, daemon=True).start()
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    from awslambdaric.__main__ import main

    main(sys.argv)  # type: ignore[no-untyped-call]
