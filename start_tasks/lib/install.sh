# shellcheck shell=bash
# Packages of the operating system, by its own package manager: apt-get (Debian, Ubuntu) or dnf (AlmaLinux, Rocky Linux,
# Oracle Linux). Read by the scripts that install some.

readonly INSTALL_TRIES=5
readonly INSTALL_LOCK=600 # Seconds to wait for another installation: images update themselves when they first start.

# The package manager of this system.
package_manager() {
    local name
    for name in apt-get dnf; do
        if command -v "${name}" >/dev/null; then
            echo "${name}"
            return
        fi
    done
    fail "this system has neither apt-get nor dnf, so no package can be installed;" \
        "take an image of Debian, Ubuntu, AlmaLinux, Rocky Linux or Oracle Linux"
}

# Installs packages, each NAME or NAME=VERSION as `apt-cache policy` or `dnf list` show them; those that are there, in
# that version, are left alone, and without any other nothing is asked of the network or of root.
install_packages() {
    local manager missing=() package
    manager=$(package_manager)
    for package in "$@"; do
        is_installed "${manager}" "${package}" || missing+=("${package}")
    done
    if [[ ${#missing[@]} -eq 0 ]]; then
        echo "installed already: $*"
        return
    fi
    require_root "installing ${missing[*]}"
    "install_by_${manager/-/_}" "${missing[@]}"
    for package in "${missing[@]}"; do
        is_installed "${manager}" "${package}" || fail "${package} is not there although ${manager} reported success"
    done
    echo "installed: ${missing[*]}"
}

is_installed() {
    local manager=$1 name=${2%%=*} wanted="" state
    [[ $2 != *=* ]] || wanted=${2#*=}
    case ${manager} in
    apt-get) state=$(dpkg-query --show --showformat '${db:Status-Status} ${Version}\n' "${name}" 2>/dev/null) ;;
    *) state=$(rpm --query --queryformat 'installed %{VERSION} %{VERSION}-%{RELEASE}\n' "${name}" 2>/dev/null) ;;
    esac || return 1
    [[ ${state} == installed\ * && (-z ${wanted} || " ${state} " == *" ${wanted} "*) ]]
}

# The lists are fetched anew: those of an image are older than the packages that its mirrors still have.
install_by_apt_get() {
    local options=(-o "DPkg::Lock::Timeout=${INSTALL_LOCK}" -o "Acquire::Retries=3" --quiet --yes)
    export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l # It must not restart services, and so the node's agent.
    patiently apt-get "${options[@]}" update
    patiently apt-get "${options[@]}" --no-install-recommends --allow-downgrades \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install -- "$@"
}

# dnf waits for its own lock, for as long as it takes.
install_by_dnf() {
    local packages=() package
    for package in "$@"; do
        packages+=("${package/=/-}")
    done
    patiently dnf --quiet --assumeyes --setopt=retries=3 --setopt=install_weak_deps=False install -- "${packages[@]}"
}

# Runs a command, again after a pause when it fails: mirrors and locks come back.
patiently() {
    local attempt=1 pause=${START_TASK_PAUSE:-5} code=0
    while
        "$@" || code=$?
        [[ ${code} -ne 0 ]]
    do
        if [[ ${attempt} -eq ${INSTALL_TRIES} ]]; then
            fail "exit code ${code}, ${attempt} times: $*"
        fi
        echo "try ${attempt} of ${INSTALL_TRIES} failed with exit code ${code}: $1; again in ${pause} s" >&2
        sleep "${pause}"
        attempt=$((attempt + 1)) pause=$((pause * 2)) code=0
    done
}
