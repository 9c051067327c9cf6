"""What holds for the inputs of every type, whatever they are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from provider.strategies import inputs, rows

from batchite.provider import difference, drift, translate
from batchite.provider.tables import ResourceType
from batchite.provider.values import API_VERSION, decode, encode

pytestmark = pytest.mark.ours


def projected(row: ResourceType, given_inputs: dict[str, Any]) -> dict[str, Any]:
    """Inputs to ARM and back, as a refresh does it."""
    identifier = translate.resource_id(row, given_inputs, "sub")
    return translate.project(row, translate.outputs(row, translate.body(row, given_inputs)), identifier)


@given(st.data())
def test_inputs_survive_the_way_to_arm_and_back(data: st.DataObject) -> None:
    """Path, body, outputs and projection lose no input and invent none."""
    row = data.draw(rows)
    wanted = data.draw(inputs(row))
    assert projected(row, wanted) == {**wanted, API_VERSION: row.api_version}


@given(st.data())
def test_inputs_survive_the_wire_of_the_engine(data: st.DataObject) -> None:
    """A protobuf struct and back keeps values and whole numbers."""
    wanted = data.draw(inputs(data.draw(rows)))
    assert decode(encode(wanted)) == wanted


@given(st.data())
def test_equal_inputs_have_no_difference(data: st.DataObject) -> None:
    """Nothing changed, nothing to do."""
    row = data.draw(rows)
    wanted = data.draw(inputs(row))
    assert difference.compare(row, wanted, wanted) == difference.Difference((), delete_before_replace=False)


@given(st.data())
def test_a_difference_is_seen_from_both_sides(data: st.DataObject) -> None:
    """Old to new and new to old name the same properties and replace for the same ones."""
    row = data.draw(rows)
    one, other = data.draw(inputs(row)), data.draw(inputs(row))
    there, back = difference.compare(row, one, other), difference.compare(row, other, one)
    assert [(change.path, change.replaces) for change in there.changes] == [
        (change.path, change.replaces) for change in back.changes
    ]
    assert bool(there.changes) == (one != other) or "location" in one


@given(st.data())
def test_a_changed_path_parameter_always_replaces(data: st.DataObject) -> None:
    """A resource cannot move: another name or parent is another resource."""
    row = data.draw(rows)
    one, other = data.draw(inputs(row)), data.draw(inputs(row))
    moved = translate.resource_id(row, one, "sub") != translate.resource_id(row, other, "sub")
    assert not moved or difference.compare(row, one, other).delete_before_replace


@given(st.data())
def test_no_drift_leaves_the_inputs_alone(data: st.DataObject) -> None:
    """Defaults that the service adds to its answers are not drift."""
    row = data.draw(rows)
    wanted, answer = data.draw(inputs(row)), data.draw(inputs(row))
    assert drift.drifted(wanted, answer, answer) == wanted


@given(st.data())
def test_inputs_that_are_wholly_projected_follow_the_drift(data: st.DataObject) -> None:
    """Where inputs and old outputs agree, the new outputs become the inputs."""
    row = data.draw(rows)
    before, now = data.draw(inputs(row)), data.draw(inputs(row))
    assert drift.drifted(before, before, now) == now
