#!/usr/bin/env bash
# Start task: a collector in the background that writes what the node's processors, memory, disk and network do to the
# container $START_TASK_LOGS, as JSON Lines in node-stats/<pool>/<node>/<day>.jsonl (see lib/node_stats.py).
#
#   node_stats.sh [SECONDS]
#
# SECONDS (10) is the time between two samples. One collector runs on a node: a later run replaces it.
set -Eeuo pipefail

main() {
    [[ $# -le 1 && ${1:-10} =~ ^[1-9][0-9]{0,3}$ ]] || fail "SECONDS '$*' must be one whole number from 1 to 9999"
    [[ -n ${START_TASK_LOGS:-} ]] || fail "\$START_TASK_LOGS is missing: the address of the container for the stats"
    python3 "${START_TASK_LIB:?node_stats.sh is run by run.sh}/node_stats.py" "${1:-10}"
}

main "$@"
