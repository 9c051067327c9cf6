"""The last submitted job, kept in `.jobs/last.json`, so that the next command needs neither its id nor the stack."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from jobs.target import Json, Target

FILE = Path(".jobs") / "last.json"


@dataclass(frozen=True)
class LastJob:
    """A job and the outputs of the stack it was submitted to."""

    job: str
    outputs: Json


def remember(target: Target, job: str, file: Path = FILE) -> None:
    """Keep a job as the last one, and as the last one of its account."""
    known = read(file)
    jobs = known.get("jobs", {}) | {target.batch_endpoint: {"job": job, "outputs": target.outputs}}
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f"{file.name}.{os.getpid()}")
    temporary.write_text(json.dumps({"last": target.batch_endpoint, "jobs": jobs}, indent=2) + "\n")
    temporary.replace(file)


def recall(endpoint: str = "", file: Path = FILE) -> LastJob | None:
    """The last job of an account, or of all; None where there is none."""
    known = read(file)
    entry = known.get("jobs", {}).get(endpoint or known.get("last"))
    return LastJob(entry["job"], entry["outputs"]) if entry else None


def read(file: Path) -> Json:
    """The file's content; a missing or broken one counts as empty, for it only saves typing."""
    try:
        known = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
