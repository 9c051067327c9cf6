#!/usr/bin/env bash
# Start task: packages of the operating system, by apt-get or dnf, whichever the image has.
#
#   os_packages.sh PACKAGE[=VERSION]...
#
# Names and versions are those of the distribution. What is installed already is left alone; what is not needs root.
set -Eeuo pipefail
# shellcheck source=start_tasks/lib/install.sh
source "${START_TASK_LIB:?os_packages.sh is run by run.sh}/install.sh"

main() {
    local package
    [[ $# -gt 0 ]] || fail "at least one package is needed: os_packages.sh PACKAGE[=VERSION]..."
    for package in "$@"; do
        [[ ${package} =~ ^[A-Za-z0-9][A-Za-z0-9.+:_-]*(=[A-Za-z0-9.+:~^_-]+)?$ ]] ||
            fail "'${package}' is no package; one is written NAME or NAME=VERSION"
    done
    install_packages "$@"
}

main "$@"
