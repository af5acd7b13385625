"""Every record that leaves is what the printed schema says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from dialogue import capture, vectors

if TYPE_CHECKING:
    from cli_console import Cli, Shipped, Write


KINDS = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None),
    "integer": int, "number": (int, float),
}  # fmt: skip


def faults(value: object, schema: dict[str, Any], root: dict[str, Any], at: str = "$") -> list[str]:
    """What is wrong with a value: the few words of JSON Schema that the records use."""
    if "$ref" in schema:
        return faults(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root, at)
    if "anyOf" in schema:
        tries = [faults(value, choice, root, at) for choice in schema["anyOf"]]
        return min(tries, key=len)
    unknown = set(schema) - WORDS
    assert not unknown, f"the test knows nothing of {unknown}"
    if "enum" in schema and value not in schema["enum"]:
        return [f"{at}: {value!r} is none of {schema['enum']}"]
    kind = KINDS.get(schema.get("type", ""))
    if kind and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
        return [f"{at}: {value!r} is no {schema['type']}"]
    if isinstance(value, dict):
        return _in_object(value, schema, root, at)
    if isinstance(value, list):
        return _in_array(value, schema, root, at)
    return []


WORDS = {
    "title", "description", "type", "properties", "required", "items", "enum", "default", "format",
    "prefixItems", "minItems", "maxItems", "additionalProperties", "discriminator", "$schema",
    "$defs",
}  # fmt: skip


def _in_object(
    value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], at: str
) -> list[str]:
    found = [f"{at}: no {name}" for name in schema.get("required", ()) if name not in value]
    for name, part in value.items():
        inner = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
        if inner is None and "properties" in schema:
            found.append(f"{at}: {name} is not in the schema")
        elif isinstance(inner, dict):
            found += faults(part, inner, root, f"{at}.{name}")
    return found


def _in_array(value: list[Any], schema: dict[str, Any], root: dict[str, Any], at: str) -> list[str]:
    found = []
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        found.append(f"{at}: {len(value)} items")
    fixed = schema.get("prefixItems", [])
    for index, part in enumerate(value):
        inner = fixed[index] if index < len(fixed) else schema.get("items", {})
        if isinstance(inner, dict):
            found += faults(part, inner, root, f"{at}[{index}]")
    return found


@pytest.fixture
def schema(cli: Cli) -> dict[str, Any]:
    """What `smtpsniff schema` prints."""
    loaded: dict[str, Any] = json.loads(cli("schema").out)
    return loaded


@pytest.mark.parametrize("name", ["accepted", "refused-recipient", "typed-by-hand"])
def test_shipped_captures(cli: Cli, shipped: Shipped, schema: dict[str, Any], name: str) -> None:
    for line in cli(shipped(name), "--json").out.splitlines():
        assert faults(json.loads(line), schema, schema) == []


def test_several_files(cli: Cli, shipped: Shipped, schema: dict[str, Any]) -> None:
    names = ("accepted", "refused-recipient")
    for line in cli(*map(shipped, names), "--json").out.splitlines():
        assert faults(json.loads(line), schema, schema) == []


def test_all_vectors(cli: Cli, write: Write, schema: dict[str, Any]) -> None:
    for vector in vectors():
        path = write(capture(vector.text))
        for line in cli(path, "--json").out.splitlines():
            assert faults(json.loads(line), schema, schema) == [], vector.id


def test_the_validator_finds_faults(schema: dict[str, Any]) -> None:
    assert faults({"schema": "smtpsniff.run/1"}, schema, schema)
    assert faults({"schema": "x"}, schema, schema)
    assert faults([], schema, schema)
