"""Which container engine this server uses, and what the containers of a killed one become."""

from __future__ import annotations

import logging
from pathlib import Path

from batchite.agent.engine import Engine, find_engine, missing
from batchite.agent.transfer import TransferError
from batchite.data import DataDirectory

log = logging.getLogger(__name__)


def choose_engine(data: DataDirectory, choice: str, node_root: Path) -> Engine | None:
    """The engine that answers, once the containers that an earlier server left are gone."""
    end_containers(data, node_root)
    engine = find_engine(choice)
    if engine is None:
        log.info("no containers: %s", missing(choice))
    else:
        data.engine.write_text(engine.program)
    return engine


def end_containers(data: DataDirectory, node_root: Path) -> None:
    """Remove what an earlier server left in its engine; one that does not answer any more is for the log."""
    if not data.engine.exists():
        return
    try:
        Engine(data.engine.read_text()).remove_all(node_root)
    except (TransferError, OSError) as error:
        log.warning("containers of an earlier run may still run: %s", error)
    data.engine.unlink()
