"""DynamoDB: a write with its condition is one step, and a Query looks at its partition alone.

moto checks and writes without a lock, so two clients at the same moment could both win; it copies
the whole table for every transaction, sorts it for every Query, keeps a copy of every item that it
ever gave, and looks each part of an answer up in the API's model.
"""

import copy
import json
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any

from lab.account.parts import Parts
from lab.account.seams.insides import replace

_WRITES = ("put_item", "update_item", "delete_item", "transact_write_items")
_READS = ("get_item", "query", "scan")
_OF_ITEMS = frozenset(
    {
        *("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"),
        *("BatchGetItem", "BatchWriteItem", "TransactGetItems", "TransactWriteItems"),
    }
)


def connect(_: Parts) -> None:
    _connect_transactions()
    _connect_queries()
    _connect_answers()
    _connect_isolation()


def _connect_transactions() -> None:
    """What a transaction did is taken back item by item."""
    from moto.dynamodb import models
    from moto.dynamodb.models.table import Table

    transact = models.DynamoDBBackend.transact_write_items

    class Copies:
        @staticmethod
        def deepcopy(value: Any) -> Any:
            return value if isinstance(value, Table) else copy.deepcopy(value)

    def transacted(self: Any, transact_items: list[dict[str, Any]]) -> None:
        before = [_kept(self, operation) for item in transact_items for operation in item.values()]
        try:
            transact(self, transact_items)
        except Exception:
            for items, key, item in before:
                if item is None:
                    items.pop(key, None)
                else:
                    items[key] = item
            raise

    replace(models, "copy", Copies)
    replace(models.DynamoDBBackend, "transact_write_items", transacted)


def _kept(backend: Any, operation: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Where an operation's item lies, and a copy of it as it is; None where there is none."""
    from moto.dynamodb.models.dynamo_type import DynamoType

    table = backend.get_table(operation["TableName"])
    named = operation.get("Item") or operation["Key"]
    key, items = DynamoType(named[table.hash_key_attr]), table.items
    if table.range_key_attr is not None:
        items, key = items[key], DynamoType(named[table.range_key_attr])
    return items, key, copy.deepcopy(items.get(key))


def _connect_isolation() -> None:
    """Calls follow one another, so that nobody reads what a transaction will take back."""
    from moto.dynamodb.models import DynamoDBBackend

    one_at_a_time = threading.RLock()

    def locked(call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def under_lock(*arguments: Any, **named: Any) -> Any:
            with one_at_a_time:
                return call(*arguments, **named)

        return under_lock

    for name in (*_WRITES, *_READS):
        replace(DynamoDBBackend, name, locked(getattr(DynamoDBBackend, name)))


def _connect_queries() -> None:
    from moto.core.common_models import BaseModel
    from moto.dynamodb.models.table import Table

    query = Table.query

    def untracked(cls: Any, *_: Any, **__: Any) -> Any:
        """moto remembers every object of its models for its own web page."""
        return object.__new__(cls)

    def queried(self: Any, hash_key: Any, *arguments: Any, **named: Any) -> Any:
        """moto's own Query, on a table that has no more than the partition asked for."""
        index = named.get("index_name") or (arguments[6] if len(arguments) > 6 else None)
        conditions = dict(named.get("hash_key_conditions") or [])
        view = copy.copy(self)
        view.items = _partition(self, hash_key, index, conditions)
        for attribute, comparison, values in named.get("range_key_conditions") or []:
            view.items = _within(view.items, attribute, comparison, values)
        return query(view, hash_key, *arguments, **named)

    replace(BaseModel, "__new__", untracked)
    replace(Table, "query", queried)


def _connect_answers() -> None:
    from moto.dynamodb.responses import DynamoResult

    execute_result = DynamoResult.execute_result

    def executed(self: Any, context: Any) -> Any:
        """Items are on the wire as they are: moto looks each of their parts up in the API's model,
        which takes longer than all the rest."""
        if context.operation_model.name not in _OF_ITEMS:
            return execute_result(self, context)
        return 200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(self.result)

    replace(DynamoResult, "execute_result", executed)


def _within(items: Any, attribute: str, comparison: str, values: Any) -> Any:
    """The items that meet a condition on their sort key; moto asks when it has sorted them all."""
    from moto.dynamodb.comparisons import get_comparison_func

    meets = get_comparison_func(comparison)
    limits = [value.cast_value for value in values]
    return {
        key: {
            place: item
            for place, item in partition.items()
            if attribute in item.attrs and meets(item.attrs[attribute].cast_value, *limits)
        }
        for key, partition in items.items()
    }


def _partition(table: Any, hash_key: Any, index: str | None, conditions: dict[str, Any]) -> Any:
    """The part of a table's items that a Query can find, in the shape that the table has them.

    The primary key and local indexes share the partition key, so its items are looked up. A global
    index has one of its own: the items are searched, which is still far less than to sort them.
    """
    own = table.hash_key_attr
    wanted = conditions.get(own, hash_key if index is None else None)
    if wanted is not None:
        found = table.items.get(wanted)
        # A copy, for others may write meanwhile.
        return {wanted: dict(found) if table.has_range_key else found} if found else {}
    if not conditions:
        return table.items

    def matches(item: Any) -> bool:
        found = [(item.attrs.get(name), value) for name, value in conditions.items()]
        return all(own is not None and own == value for own, value in found)

    if not table.has_range_key:
        return {key: item for key, item in list(table.items.items()) if matches(item)}
    kept = {
        key: {place: item for place, item in list(partition.items()) if matches(item)}
        for key, partition in list(table.items.items())
    }
    return {key: partition for key, partition in kept.items() if partition}
