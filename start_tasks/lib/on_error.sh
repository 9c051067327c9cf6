# shellcheck shell=bash
# Read by bash before each script of a start task (BASH_ENV, see run.sh): a script that fails says in which line.
# Not passed on to the bash scripts that a script starts. A script that sets an EXIT trap of its own gives up that line.
unset BASH_ENV
start_task_line=0 start_task_command="" start_task_told=

# Keeps what the script runs now (not what a library does for it): when it ends, that is where it failed.
# While the EXIT trap begins, bash repeats the last command and calls its line 1.
start_task_note() {
    if [[ $1 == "$0" && $3 != start_task_* && ($2 != 1 || $3 != "${start_task_command}") ]]; then
        start_task_line=$2 start_task_command=$3
    fi
}

start_task_ended() {
    trap - DEBUG ERR
    if [[ $1 -ne 0 && -z ${start_task_told} ]]; then
        echo "${0##*/}: line ${start_task_line}: exit code $1 of: ${start_task_command%%$'\n'*}" >&2
    fi
}

# Ends the script with a message: what happened, where, what to do.
fail() {
    local frame=0
    while [[ ${BASH_SOURCE[frame + 1]} != "$0" && -n ${BASH_SOURCE[frame + 2]:-} ]]; do
        frame=$((frame + 1)) # Out of the library, to the script's own line.
    done
    echo "${0##*/}: line ${BASH_LINENO[frame]}: $*" >&2
    start_task_told=yes
    exit 1
}

# Ends a script whose work needs root, with the reason and what to do.
require_root() {
    if [[ ${BATCHITE_HOST_CHANGES:-} == refused ]]; then
        fail "$1 needs root, and this local node never changes its host;" \
            "on a machine that may be changed, start Batchite with --allow-host-changes"
    elif [[ ${EUID} -ne 0 ]]; then
        fail "$1 needs root; give the start task elevation Admin"
    fi
}

set -o functrace -o errtrace
trap 'start_task_ended $?' EXIT
trap 'start_task_note "${BASH_SOURCE[0]}" "${LINENO}" "${BASH_COMMAND}"' DEBUG ERR
