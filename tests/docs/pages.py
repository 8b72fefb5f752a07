"""The project's markdown files, and what stands in them."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
KOREAN = ".ko.md"
ENGLISH_ONLY = {"decisions.md"}

_FENCE = re.compile(r"^ *```.*?^ *```$", re.M | re.S)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def pages() -> list[Path]:
    """Return all markdown files of the repository, by git's list where there is one."""
    asked = ["git", "-C", str(ROOT), "ls-files", "-z", "*.md"]
    listed = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    names = [ROOT / name for name in listed.split("\0") if name]
    found = [p for p in names if p.is_file()] or [
        p for p in ROOT.rglob("*.md") if not any(part.startswith(".") for part in p.parts)
    ]
    assert ROOT / "README.md" in found
    return found


def pairs() -> list[tuple[Path, Path]]:
    """Return the pages that stand in both languages, with where the Korean one must be."""
    english = [p for p in pages() if p.parent in (ROOT, DOCS) and not p.name.endswith(KOREAN)]
    alone = ENGLISH_ONLY | {"CONTRIBUTING.md"}
    return [(p, p.with_name(f"{p.stem}{KOREAN}")) for p in english if p.name not in alone]


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose_of(page: Path) -> str:
    """Return a page without its blocks of code."""
    return _FENCE.sub("", text_of(page))


def links_of(page: Path) -> list[str]:
    return _LINK.findall(prose_of(page))


def headings_of(page: Path) -> list[tuple[int, str]]:
    """Return level and words of each heading."""
    found = re.findall(r"^(#+) (.+)$", prose_of(page), re.M)
    return [(len(marks), words.strip()) for marks, words in found]


def anchors_of(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    plain = (re.sub(r"[^\w\- ]", "", words.lower()) for _, words in headings_of(page))
    return {words.replace(" ", "-") for words in plain}


def commands_of(page: Path) -> list[str]:
    """Return the command lines of the blocks in `sh`, in order, without their comments."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", text_of(page), re.M | re.S)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [" ".join(line.split("  #")[0].split()) for line in lines if line.strip()]


def words_of_code(page: Path) -> list[str]:
    """Return what stands between single backquotes, outside of blocks."""
    return re.findall(r"`([^`\n]+)`", prose_of(page))
