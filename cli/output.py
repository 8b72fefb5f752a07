"""Where words go: a terminal, with colour and a line that is redrawn, or plain lines."""

import os
import sys
from typing import Self, TextIO

from rich.console import Console


class Output:
    """One stream. `terminal` says whether it may be drawn on; else it gets plain lines alone."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.terminal = stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
        self.console = Console(
            file=stream,
            force_terminal=self.terminal,
            highlight=False,
            emoji=False,
            **({} if self.terminal else {"color_system": None, "width": 120}),  # type: ignore[arg-type]
        )

    @classmethod
    def stdout(cls) -> Self:
        """Return standard output."""
        return cls(sys.stdout)

    @classmethod
    def stderr(cls) -> Self:
        """Return standard error."""
        return cls(sys.stderr)

    def line(self, text: str, style: str | None = None) -> None:
        """Print text that may come from anywhere: nothing in it is markup, and nothing is wrapped
        where there is no terminal."""
        if self.terminal:
            self.console.print(printable(text), style=style, markup=False)
        else:
            self.raw(printable(text))

    def raw(self, text: str) -> None:
        """Print text as it is."""
        print(text, file=self._stream, flush=True)


def printable(text: str) -> str:
    """Show control characters, so that no document can move the cursor."""
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)
