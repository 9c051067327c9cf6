"""Whole numbers that come as strings of digits, as the Azure CLI sends them."""

import inspect
import re
from typing import Any

import pytest
from azure.batch import models
from azure.batch.models import _models
from batch.harness import POOL, Account

from batchite.batch.bodies import NUMBERS


@pytest.mark.ours
def test_digits_stand_for_a_number(account: Account) -> None:
    """They are read as the number, and the answer has a number; a metadata value stays a string."""
    wanted = {"targetDedicatedNodes": "1", "taskSlotsPerNode": "2", "metadata": [{"name": "a", "value": "3"}]}
    assert account.post("/pools", POOL | wanted).status == 201
    found = account.get("/pools/pool").json
    assert (found["targetDedicatedNodes"], found["taskSlotsPerNode"]) == (1, 2)
    assert found["metadata"] == [{"name": "a", "value": "3"}]


@pytest.mark.ours
@pytest.mark.parametrize("value", ["", "one", "1.5", "1 ", "\u0661", "99999999999"])
def test_other_strings_are_no_numbers(account: Account, value: str) -> None:
    """They are refused with the property's name."""
    answer = account.post("/pools", POOL | {"targetDedicatedNodes": value})
    assert (answer.status, answer.values["PropertyName"]) == (400, "targetDedicatedNodes")


@pytest.mark.documented
def test_every_number_of_the_client_is_known() -> None:
    """The whole numbers of all request models of the client, and the one that older versions name otherwise."""
    roots = [found for name, found in inspect.getmembers(models, inspect.isclass) if name.endswith("Options")]
    seen: set[Any] = set()
    names = {name for root in roots for name in _numbers(root, seen)}
    assert names | {"maxTasksPerNode"} == NUMBERS


def _numbers(model: Any, seen: set[Any]) -> set[str]:
    """The wire names of the whole numbers that a request with this model may hold."""
    if model in seen:
        return set()
    seen.add(model)
    found = set()
    for owner in model.__mro__:
        for name, field in vars(owner).items():
            if type(field).__name__ == "_RestField" and list(field._visibility or ()) != ["read"]:
                kind = str(owner.__annotations__[name])
                found |= {field._rest_name_input or name} if re.search(r"\bint\b", kind) else set()
                inner = [getattr(_models, word, None) for word in re.findall(r"_models\.(\w+)", kind)]
                found |= {number for one in inner if one for number in _numbers(one, seen)}
    return found
