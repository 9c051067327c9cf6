"""The Azure SDK in a process whose first calls come from many threads at once, as the engine makes them."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from tests.components.harness import ROOT

pytestmark = pytest.mark.ours

PROGRAM = """
import json, sys, threading
from components import blob, draining, resource_manager, sdk

errors, beside = [], []

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("azure.") and not sdk.IMPORTING.locked():
            beside.append(name)

def client():
    blob.blob_client("https://a.blob.core.windows.net/c/b")

def waiting():
    blob.patiently(int)

def pools():
    draining.batch_client("https://a.westeurope.batch.azure.com")

def run(call):
    together.wait()
    try:
        call()
    except Exception as error:
        errors.append(repr(error))

calls = [client, waiting, pools, resource_manager.connect] * 6
together = threading.Barrier(len(calls))
sys.meta_path.insert(0, Watch())
sys.setswitchinterval(1e-6)
threads = [threading.Thread(target=run, args=(call,)) for call in calls]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps([errors, beside]))
"""


def test_many_threads_may_be_the_one_that_needs_it() -> None:
    """None fails, and nothing is imported but by the one thread that may: two could lock each other out."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[], []]


def test_it_is_imported_in_one_place() -> None:
    """Another import of it in the components would bring back another order."""
    imports = re.compile(r"^\s*(from|import) azure\b(?!_)", re.MULTILINE)
    found = [path.name for path in (ROOT / "components").glob("*.py") if imports.search(path.read_text("utf-8"))]
    assert found == ["sdk.py"]
