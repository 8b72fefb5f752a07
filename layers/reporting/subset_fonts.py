"""Makes `reporting/fonts/*.ttf` out of Pretendard: run once, by hand; the results are committed.

    npm pack pretendard@1.3.9 && tar xzf pretendard-1.3.9.tgz
    uv run --with fonttools==4.68.0 layers/reporting/subset_fonts.py package/dist

Kept are Latin, Greek, Cyrillic, all of Hangul, punctuation and the signs that the document uses;
digits become those of equal width, so that columns of numbers line up. The licence reserves the
name Pretendard for the unchanged font, so the results are called Steadystate Sans.
"""

import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

TARGET = Path(__file__).parent / "reporting" / "fonts"
WEIGHTS = {"Regular": "Regular", "SemiBold": "Bold"}
KEPT = [
    (0x20, 0x7E), (0xA0, 0x17F), (0x192, 0x192), (0x1E9E, 0x1E9E), (0x2C6, 0x2DD),
    (0x370, 0x3FF), (0x400, 0x45F), (0x2010, 0x2044), (0x20A0, 0x20BF), (0x2070, 0x209C),
    (0x2100, 0x2122), (0x2190, 0x2199), (0x2200, 0x2265), (0x25A0, 0x25CF), (0x2713, 0x2717),
    (0x3000, 0x3011), (0x1100, 0x11FF), (0x3131, 0x318E), (0xAC00, 0xD7A3), (0xFFFD, 0xFFFD),
    (0xFF01, 0xFF5E),
]  # fmt: skip


def main(source: Path) -> None:
    """Write one font a weight, and the licence."""
    for weight, style in WEIGHTS.items():
        font = TTFont(source / f"public/static/alternative/Pretendard-{weight}.ttf")
        tabular = _substitutes(font, "tnum")
        digits = {ord(d): tabular[font.getBestCmap()[ord(d)]] for d in "0123456789"}
        for table in font["cmap"].tables:
            table.cmap.update(digits)
        options = Options(hinting=False, layout_features=[], name_IDs=[0, 1, 2, 4, 6, 13, 14])
        options.drop_tables += ["DSIG", "GDEF", "GPOS", "GSUB"]
        subsetter = Subsetter(options)
        subsetter.populate(unicodes={c for first, last in KEPT for c in range(first, last + 1)})
        subsetter.subset(font)
        _rename(font, style)
        font["head"].modified = font["head"].created
        font.recalcTimestamp = False
        font.save(TARGET / f"SteadystateSans-{style}.ttf")
    (TARGET / "LICENSE.txt").write_bytes((source / "LICENSE.txt").read_bytes())


def _substitutes(font: TTFont, feature: str) -> dict[str, str]:
    table = font["GSUB"].table
    indexes = {
        index
        for record in table.FeatureList.FeatureRecord
        if record.FeatureTag == feature
        for index in record.Feature.LookupListIndex
    }
    found: dict[str, str] = {}
    for index in sorted(indexes):
        for subtable in table.LookupList.Lookup[index].SubTable:
            inner = getattr(subtable, "ExtSubTable", subtable)
            found |= getattr(inner, "mapping", {})
    return found


def _rename(font: TTFont, style: str) -> None:
    names = {1: "Steadystate Sans", 2: style, 4: f"Steadystate Sans {style}"}
    names[6] = f"SteadystateSans-{style}"
    for record in list(font["name"].names):
        if record.nameID in names:
            font["name"].setName(
                names[record.nameID], record.nameID, record.platformID, record.platEncID,
                record.langID,
            )  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]))
