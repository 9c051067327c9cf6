#!/usr/bin/env bash
# Start task of a pool: the Python that its tasks run, in $AZ_BATCH_NODE_SHARED_DIR/python/bin/python.
#
#   python_packages.sh REQUIREMENTS
#
# Makes a virtual environment and installs the pinned requirements into it. A start task runs again after every reboot:
# what is complete is kept, what is half done or was made for other requirements is made anew. Needs no rights but to
# write to the node's shared directory; a system without Python's venv module is completed when the user is root.
# Proxies, indexes and certificates are those of the environment (SSL_CERT_FILE, PIP_INDEX_URL, UV_DEFAULT_INDEX, ...).
set -Eeuo pipefail
trap 'echo "${0##*/}: line ${LINENO}: exit code $? of: ${BASH_COMMAND}" >&2' ERR

readonly UV_VERSION=0.13.9 # Installs in seconds what takes pip a minute.

fail() {
    echo "${0##*/}: line ${BASH_LINENO[0]}: $1" >&2
    exit 1
}

ensure_venv_module() {
    if python3 -c 'import ensurepip, venv' 2>/dev/null; then
        return
    fi
    if [[ ${EUID} -ne 0 ]]; then
        fail "python3 with its venv module is missing and only root can install it; use elevationLevel admin"
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get -o DPkg::Lock::Timeout=300 update
    apt-get -o DPkg::Lock::Timeout=300 install --yes python3-venv
}

install_packages() {
    local target=$1 requirements=$2
    python3 -m venv --clear "${target}"
    "${target}/bin/python" -m pip install --quiet --disable-pip-version-check "uv==${UV_VERSION}"
    "${target}/bin/uv" pip install --python "${target}/bin/python" --requirement "${requirements}"
}

main() {
    [[ $# -eq 1 ]] || fail "one argument is needed: the requirements file"
    [[ -r $1 ]] || fail "the requirements file $1 can't be read"
    local requirements=$1 target=${AZ_BATCH_NODE_SHARED_DIR:?}/python digest
    local stamp=${target}/.complete
    digest=$(cat -- "${BASH_SOURCE[0]}" "${requirements}" | sha256sum)
    if [[ -f ${stamp} && $(<"${stamp}") == "${digest}" ]]; then
        echo "${target} is complete already"
        return
    fi
    umask 022 # Tasks may run as another user.
    export UV_CACHE_DIR=${AZ_BATCH_NODE_ROOT_DIR:?}/volatile/uv-cache UV_NO_PROGRESS=1 UV_SYSTEM_CERTS=1
    ensure_venv_module
    install_packages "${target}" "${requirements}"
    echo "${digest}" >"${stamp}"
    echo "${target} is ready"
}

main "$@"
