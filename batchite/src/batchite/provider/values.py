"""Property values between the engine's protobuf structs and Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from google.protobuf import json_format, struct_pb2

Properties: TypeAlias = dict[str, Any]

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The engine's mark of a value that is known only after the deployment (Pulumi SDK, `runtime/rpc`)."""

API_VERSION = "azureApiVersion"
"""Input the provider adds by itself: a changed API version of a type then shows as an update."""

CREATE_BEFORE_DELETE = "__createBeforeDelete"
"""Input the provider adds when it chose a random name: a replacement may then exist beside the old resource."""


def decode(struct: struct_pb2.Struct) -> Properties:
    """The struct as plain values: nulls inside objects dropped, whole numbers as integers (ARM's JSON has them)."""
    return {name: _plain(value) for name, value in json_format.MessageToDict(struct).items() if value is not None}


def encode(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Plain values as a struct."""
    struct = struct_pb2.Struct()
    struct.update({name: value for name, value in properties.items() if value is not None})
    return struct


def is_unknown(value: object) -> bool:
    """Whether the value itself is not known yet."""
    return isinstance(value, str) and value == UNKNOWN


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
