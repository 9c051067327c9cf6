#!/usr/bin/env bash
# Start task: htop, iftop and sysstat, for whoever logs in to a node; sysstat keeps a history that `sar` shows.
#
#   monitoring_tools.sh
#
# Needs root. On AlmaLinux, Rocky Linux and Oracle Linux htop and iftop come from EPEL, which is switched on.
set -Eeuo pipefail
# shellcheck source=start_tasks/lib/install.sh
source "${START_TASK_LIB:?monitoring_tools.sh is run by run.sh}/install.sh"

readonly OS_RELEASE=${OS_RELEASE:-/etc/os-release} SYSSTAT=${SYSSTAT:-/etc/default/sysstat}

# The package that switches EPEL on: Oracle Linux has its own.
epel_package() {
    local id version
    # shellcheck disable=SC1090 # The system's own description of itself.
    read -r id version < <(source "${OS_RELEASE}" && echo "${ID} ${VERSION_ID%%.*}")
    if [[ ${id} == ol ]]; then
        echo "oracle-epel-release-el${version}"
    else
        echo epel-release
    fi
}

# Debian asks in a file of its own whether samples are taken.
enable_sysstat() {
    if [[ -f ${SYSSTAT} ]] && grep -q '^ENABLED="false"' "${SYSSTAT}"; then
        sed -i 's/^ENABLED="false"/ENABLED="true"/' "${SYSSTAT}"
    fi
    if [[ -d /run/systemd/system ]]; then
        systemctl enable --now sysstat.service
    else
        echo "no systemd runs here: sysstat is installed and takes no samples by itself"
    fi
}

main() {
    [[ $# -eq 0 ]] || fail "no parameter is known: $*"
    require_root "monitoring with sysstat"
    if [[ $(package_manager) == dnf ]]; then
        install_packages "$(epel_package)"
    fi
    install_packages htop iftop sysstat
    enable_sysstat
}

main "$@"
