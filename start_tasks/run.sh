#!/usr/bin/env bash
# Runs the scripts of a start task in their order; the first that fails ends it.
#
#   run.sh SCRIPT [PARAMETER...] [-- SCRIPT [PARAMETER...]]...
#
# A failure names the script and its line, on stderr. What the start task has written then lies in the container
# $START_TASK_LOGS (an address; without it nothing is uploaded) under start-tasks/<pool>/<node>/, put there as the
# node's identity. A start task runs again after every reboot and retry: each script has to find out what is done.
# Scripts find the library in $START_TASK_LIB.
set -Eeuo pipefail

START_TASK_LIB=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)/lib
export START_TASK_LIB

refuse() {
    echo "run.sh: $1" >&2
    exit 1
}

# Runs one script; bash tells it by BASH_ENV to say where it fails, whether or not it does so itself.
run_step() {
    local script=$1 code=0 begun=${SECONDS}
    shift
    echo "run.sh: ${script} begins"
    BASH_ENV=${START_TASK_LIB}/on_error.sh bash -- "${script}" "$@" || code=$?
    if [[ ${code} -ne 0 ]]; then
        echo "run.sh: ${script} failed with exit code ${code}; no further script is run" >&2
        upload_logs
        exit "${code}"
    fi
    echo "run.sh: ${script} is done, $((SECONDS - begun)) s"
}

# A log that can't be uploaded must not hide why the start task failed.
upload_logs() {
    local name place stamp
    [[ -n ${START_TASK_LOGS:-} ]] || return 0
    place=${START_TASK_LOGS}/start-tasks/${AZ_BATCH_POOL_ID:-pool}/${AZ_BATCH_NODE_ID:-node}
    stamp=$(date -u +%Y%m%dT%H%M%SZ)
    for name in stdout.txt stderr.txt; do
        if [[ -r ${AZ_BATCH_TASK_DIR:-.}/${name} ]]; then
            python3 "${START_TASK_LIB}/blob.py" put "${AZ_BATCH_TASK_DIR:-.}/${name}" "${place}/${stamp}-${name}" ||
                echo "run.sh: ${name} could not be uploaded; it is on the node only" >&2
        fi
    done
}

# All scripts are looked at before any runs: a misspelt name must not be found out after ten minutes of installing.
main() {
    local step=() word first=yes
    for word in "$@"; do
        [[ ${word} == -- || -z ${first} || -r ${word} ]] || refuse "the script ${word} can't be read in $(pwd)"
        first=
        [[ ${word} != -- ]] || first=yes
    done
    for word in "$@" --; do
        if [[ ${word} != -- ]]; then
            step+=("${word}")
        elif [[ ${#step[@]} -gt 0 ]]; then
            run_step "${step[@]}"
            step=()
        fi
    done
}

[[ $# -gt 0 ]] || refuse "a script is needed: run.sh SCRIPT [PARAMETER...] [-- SCRIPT [PARAMETER...]]..."
main "$@"
