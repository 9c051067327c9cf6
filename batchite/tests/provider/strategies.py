"""Hypothesis strategies made from the tables' own shapes."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from batchite.provider import paths, translate
from batchite.provider.tables import RESOURCES, ResourceType, Shape

SCALARS = {
    "string": st.text(max_size=5),
    "boolean": st.booleans(),
    "integer": st.integers(-9, 9),
    "number": st.integers(-9, 9),
    "any": st.text(max_size=5),
}
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789 %-_", min_size=1, max_size=8).map(str.strip).filter(bool)

rows = st.sampled_from(sorted(RESOURCES.values(), key=lambda row: row.name))


def values(shape: Shape) -> st.SearchStrategy[Any]:
    """Values of a shape."""
    if isinstance(shape, str):
        return SCALARS[shape]
    if isinstance(shape, list):
        return st.lists(values(shape[0]), max_size=2)
    if "*" in shape:
        return st.dictionaries(NAMES, values(shape["*"]), max_size=2)
    return st.fixed_dictionaries({}, optional={name: values(inner) for name, inner in translate.members(shape).items()})


@st.composite
def inputs(draw: st.DrawFn, row: ResourceType) -> dict[str, Any]:
    """Inputs of a type: every path parameter, any of the others, identities in the order projections give them."""
    sent = translate.body_inputs(row) - {name for name, refusal in row.refusals.items() if not refusal.values}
    if row.name == "keyvault:Key":  # its outputs have no `properties`: the SDK shows their members one by one
        sent -= {"properties"}
    body = {name: shape for name, shape in row.inputs.items() if name.rstrip("!") in sent}
    made: dict[str, Any] = draw(values(body))
    for name in set(paths.parameters(row.path)) - {"subscriptionId"}:
        made[name] = "/subscriptions/s/resourceGroups/g" if name in ("scope", "resourceUri") else draw(NAMES)
    if "userAssignedIdentities" in made.get("identity", {}):
        made["identity"]["userAssignedIdentities"] = sorted(set(made["identity"]["userAssignedIdentities"]))
    return made
