"""Fields of a store's rows as columns: those called as a part that the store has itself stand beside it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping


def field_columns(fields: Iterable[str], parts: Collection[str], outer: str) -> Mapping[str, str]:
    """The field that each column holds: called as the field, or ``OUTER.FIELD`` where ``parts`` has that name.

    >>> field_columns(["id", "sku"], ["id", "vector"], "payload")
    {'payload.id': 'id', 'sku': 'sku'}
    """
    taken, columns = {*parts, *(fields := list(fields))}, dict[str, str]()
    for field in fields:
        name = field
        while name in parts or (name != field and name in taken):
            name = f"{outer}.{name}"
        columns[name] = field
        taken.add(name)
    return columns


def column_notes(columns: Mapping[str, str], outer: str) -> tuple[str, ...]:
    """What a reader must know of fields that are columns by another name.

    >>> column_notes({"payload.id": "id", "sku": "sku"}, "payload")
    ('field id of the payload is the column payload.id',)
    """
    return tuple(
        f"field {field} of the {outer} is the column {name}" for name, field in columns.items() if name != field
    )
