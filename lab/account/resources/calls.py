"""How a CloudFormation resource becomes a call of the service's own API.

The properties become the parameters of the call, checked against its model, so that a property
which the service does not know is an error that names it and never lost.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jmespath  # type: ignore[import-untyped]

Properties = dict[str, Any]
Client = Callable[[str], Any]


class ResourceError(Exception):
    """A resource cannot be created as the template says; the message says which property."""


@dataclass(frozen=True)
class Created:
    """What `Ref` and `Fn::GetAtt` give, and how to delete the resource again."""

    ref: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    delete: Callable[[], object] = lambda: None


Creator = Callable[[Client, str, Properties], Created]


@dataclass(frozen=True)
class Call:
    """A resource that one call creates.

    `name` is the parameter that takes a generated name when the template gives none, `ref` and
    `attributes` are paths, see `_found`, `rename` spells
    properties that the API calls otherwise, `ignore` are properties without an effect here, and
    `delete` is the operation that deletes it with its parameters as paths. `after` does what the
    one call cannot; it gets the properties named in `later`.
    """

    service: str
    create: str
    ref: str
    name: str | None = None
    max_name: int = 255
    attributes: Mapping[str, str] = field(default_factory=dict)
    rename: Mapping[str, str] = field(default_factory=dict)
    ignore: frozenset[str] = frozenset()
    delete: str | None = None
    delete_by: Mapping[str, str] = field(default_factory=dict)
    later: tuple[str, ...] = ()
    after: Callable[[Client, str, Properties], object] | None = None

    def __call__(self, client: Client, name: str, properties: Properties) -> Created:
        api = client(self.service)
        rest = {key: properties.pop(key) for key in self.later if key in properties}
        for key in self.ignore:
            properties.pop(key, None)
        for old, new in self.rename.items():
            if old in properties:
                properties[new] = properties.pop(old)
        if self.name is not None:
            properties.setdefault(self.name, name[-self.max_name :].strip("-"))
        parameters = fitted(api, self.create, properties)
        answer = _method(api, self.create)(**parameters)
        both = {"answer": answer, "given": parameters}
        ref = str(_found(self.ref, both))
        if self.after is not None:
            self.after(client, ref, rest)

        def delete() -> None:
            if self.delete is not None:
                by = {key: _found(path, both) for key, path in self.delete_by.items()}
                _method(api, self.delete)(**by)

        attributes = {key: _found(path, both) for key, path in self.attributes.items()}
        return Created(ref=ref, attributes=attributes, delete=delete)


def _found(path: str, both: Mapping[str, Any]) -> Any:
    """`A.B` is a path in the answer, `=A` one in the parameters; ` after X` and ` as X` cut the
    value behind the text X, and before it."""
    source, path = (both["given"], path[1:]) if path[:1] == "=" else (both["answer"], path)
    path, _, behind = path.partition(" after ")
    path, _, before = path.partition(" as ")
    value = jmespath.search(path, source)
    if behind:
        return value.partition(behind)[2]
    return before + value.partition(before)[2] if before else value


def _method(api: Any, operation: str) -> Callable[..., Any]:
    for name, known in api.meta.method_to_api_mapping.items():
        if known == operation:
            method: Callable[..., Any] = getattr(api, name)
            return method
    raise ResourceError(f"there is no operation {operation}")


def fitted(client: Any, operation: str, parameters: Properties) -> Properties:
    """Parameters with the types that the API call wants ("60" -> 60, "true" -> True).

    Raises ResourceError for a property that the call does not know.
    """
    model = client.meta.service_model.operation_model(operation)
    value: Properties = _fitted(parameters, model.input_shape, operation)
    return value


def _fitted(value: Any, shape: Any, where: str) -> Any:
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        return _structure(value, shape, where)
    if kind == "list" and isinstance(value, list):
        return [_fitted(item, shape.member, where) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: _fitted(item, shape.value, f"{where}.{key}") for key, item in value.items()}
    return _scalar(value, kind)


def _structure(value: Properties, shape: Any, where: str) -> Properties:
    spelled = {_capital(name): name for name in shape.members}
    result = {}
    for name, item in value.items():
        known = spelled.get(_capital(name))
        if known is None:
            raise ResourceError(f"{where}: the account does not know the property {name}")
        result[known] = _fitted(item, shape.members[known], f"{where}.{name}")
    return result


def _scalar(value: Any, kind: str) -> Any:
    if isinstance(value, str):
        return _PARSERS[kind](value) if kind in _PARSERS else value
    if kind != "string":
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, dict) else str(value)


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": lambda text: text.lower() == "true",
}


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def tags_of(properties: Properties) -> dict[str, str]:
    """Take the tags out of the properties, whichever way they are written."""
    tags = properties.pop("Tags", None) or {}
    if isinstance(tags, dict):
        return {key: str(value) for key, value in tags.items()}
    return {tag["Key"]: str(tag["Value"]) for tag in tags}
