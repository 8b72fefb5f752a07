"""Reads YAML that strangers may have written: small, plain, and with errors that say where."""

from collections.abc import Hashable
from typing import Any

import yaml

from steadystate.errors import InvalidDocument

MAXIMUM_BYTES = 65_536
MAXIMUM_DEPTH = 20

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_mapping(text: str, source: str) -> dict[str, Any]:
    """Return the one mapping that a YAML text holds; `source` names it in errors.

    Aliases are refused (a document of a few lines could unfold to gigabytes), and so are
    duplicate keys, tags, and texts over MAXIMUM_BYTES or nested over MAXIMUM_DEPTH.

    Raises
    ------
    InvalidDocument
        One line with the source, the place and what is allowed.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAXIMUM_BYTES:
        raise InvalidDocument(
            f"{source}: the document has {size:,} bytes; at most {MAXIMUM_BYTES:,} are allowed"
        )
    try:
        _refuse_aliases_tags_and_depth(text, source)
        node = yaml.compose(text, Loader=_LOADER)
        _refuse_duplicate_keys(node, source)
        value = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader, see above
    except yaml.YAMLError as error:
        raise InvalidDocument(f"{source}: {_problem(error)}") from None
    except (ValueError, OverflowError, UnicodeError) as error:
        raise InvalidDocument(f"{source}: a value cannot be read: {error}") from None
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise InvalidDocument(f"{source}: the document must be one mapping of names to values")
    return value


def _refuse_aliases_tags_and_depth(text: str, source: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent):
            raise InvalidDocument(
                f"{source}: line {line}: aliases (*{event.anchor}) are not allowed; write it out"
            )
        if getattr(event, "tag", None) is not None:
            raise InvalidDocument(f"{source}: line {line}: tags (such as !!int) are not allowed")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAXIMUM_DEPTH:
            raise InvalidDocument(
                f"{source}: line {line}: nested deeper than {MAXIMUM_DEPTH} levels"
            )


def _refuse_duplicate_keys(node: yaml.Node | None, source: str) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[Hashable] = set()
        for key, value in node.value:
            name = key.value if isinstance(key.value, str) else str(key.value)
            if name in seen:
                line = key.start_mark.line + 1
                raise InvalidDocument(f"{source}: line {line}: the key {name!r} is there twice")
            seen.add(name)
            _refuse_duplicate_keys(value, source)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_duplicate_keys(item, source)


def _problem(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{place}not valid YAML: {problem}"
