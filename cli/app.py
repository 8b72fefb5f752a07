"""The commands in one application, with the project's exit codes."""

import signal
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Any, Final, NoReturn

import typer
from typer.core import TyperGroup

from cli import documents, gates, history, lab, replay, reports, runs
from cli.problems import BAD_USAGE, INTERRUPTED, Problem, problem_of

NAME: Final = "steadystate"


class Application(TyperGroup):
    """The top of the commands: bad usage exits 64, and no foreseen error shows a traceback."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,  # noqa: ARG002 - one name, however it was started
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: ARG002
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> NoReturn:
        """Run a command and exit with its code."""
        try:
            code = super().main(args, NAME, complete_var, False, windows_expand_args, **extra)
        except typer.TyperException as error:
            text = error.format_message().rstrip(" .")
            _end(Problem(f"{text}. See `{NAME} --help`.", exit_code=BAD_USAGE))
        except (typer.Abort, KeyboardInterrupt):
            code = INTERRUPTED
        except Exception as error:
            problem = problem_of(error)
            if problem is None:
                raise
            _end(problem)
        if code == INTERRUPTED:
            _end(Problem("interrupted", exit_code=INTERRUPTED))
        sys.exit(code if isinstance(code, int) else 0)


def _end(problem: Problem) -> NoReturn:
    for line in problem.lines:
        print(f"{NAME}: {line}", file=sys.stderr)
    sys.exit(problem.exit_code)


app = typer.Typer(
    cls=Application,
    help="Proves that a service keeps its steady state: under faults and under change.",
    epilog="Exit codes: 0 PASS, 1 FAIL, 2 INCONCLUSIVE, 3 ERROR, 64 bad usage or bad document.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(lab.app, name="lab")
runs.register(app)
gates.register(app)
history.register(app)
reports.register(app)
documents.register(app)
replay.register(app)


def main() -> NoReturn:
    """Start from a shell."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    # A run is stopped and undone in the same way, whoever asks for the end of this process.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app()
    raise AssertionError("the application exits by itself")
