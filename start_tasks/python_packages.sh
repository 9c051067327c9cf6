#!/usr/bin/env bash
# Start task: the Python that tasks run, in $AZ_BATCH_NODE_SHARED_DIR/python/bin/python.
#
#   python_packages.sh REQUIREMENTS [PYTHON]
#
# Makes a virtual environment of PYTHON (python3) and installs the requirements, all of them pinned, into it. A start
# task runs again after every reboot: what is complete is kept, what is half done or was made for other requirements is
# made anew. Needs no rights but to write to the node's shared directory, unless Python's venv module is missing.
#
# With $WHEEL_CACHE (the address of a folder in a container) the wheels come from there, if a node has put them there;
# else this node builds them and does. The name of a cache holds the hash of the requirements, the Python and the
# system. A cache that is missing or broken costs time, nothing else. Proxies, indexes and certificates are those of the
# environment (SSL_CERT_FILE, PIP_INDEX_URL, UV_DEFAULT_INDEX, ...).
set -Eeuo pipefail
# shellcheck source=start_tasks/lib/install.sh
source "${START_TASK_LIB:?python_packages.sh is run by run.sh}/install.sh"

readonly UV_VERSION=0.13.9 # Installs in seconds what takes pip a minute.
readonly TARGET=${AZ_BATCH_NODE_SHARED_DIR:?}/python
readonly WORK=${AZ_BATCH_NODE_SHARED_DIR}/.python-work
readonly WHEELS=${WORK}/wheels

# Refuses, with their numbers, lines that are not NAME==VERSION: another day they would be another environment.
check_pinned() {
    local file=$1 line number=0 wrong=() before=""
    while IFS= read -r line || [[ -n ${line} ]]; do
        number=$((number + 1))
        line=${before}${line%$'\r'}
        before=""
        if [[ ${line} == *\\ ]]; then
            before=${line%\\}
        elif ! is_pinned "${line}"; then
            line=${line#"${line%%[![:space:]]*}"}
            wrong+=("line ${number}: ${line%%[^A-Za-z0-9._-]*}") # The rest of an address may be a secret.
        fi
    done <"${file}"
    [[ -z ${before} ]] || wrong+=("line ${number}: a \\, and nothing follows")
    if [[ ${#wrong[@]} -gt 0 ]]; then
        printf '%s\n' "${wrong[@]/#/${file}: }" >&2
        fail "${file} must hold lines NAME==VERSION only (with marker and --hash if need be)," \
            "as 'uv pip compile' writes them"
    fi
}

is_pinned() {
    local name='[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?' extras='(\[[A-Za-z0-9._, -]*\])?'
    local version='[[:space:]]*==[[:space:]]*[A-Za-z0-9.!+_-]+' marker='([[:space:]]*;[^#]*[^#[:space:]])?'
    local hashes='([[:space:]]+--hash=sha(256|384|512):[0-9a-f]+)*' comment='[[:space:]]*([[:space:]]#.*)?'
    [[ $1 =~ ^[[:space:]]*(#.*)?$ || $1 =~ ^[[:space:]]*${name}${extras}${version}${marker}${hashes}${comment}$ ]]
}

make_environment() {
    local python=$1
    if ! "${python}" -c 'import ensurepip, venv' 2>/dev/null; then
        install_packages "${python}$([[ $(package_manager) == dnf ]] || echo -venv)"
    fi
    "${python}" -m venv --clear "${TARGET}"
}

pip() {
    "${TARGET}/bin/python" -m pip --quiet --disable-pip-version-check "$@"
}

# Installs uv and with it the requirements; further options say where both come from.
install_requirements() {
    local requirements=$1 options=()
    shift
    if grep -q -- '--hash=' "${requirements}"; then
        options+=(--require-hashes)
    fi
    pip install "$@" "uv==${UV_VERSION}" &&
        "${TARGET}/bin/uv" pip install --python "${TARGET}/bin/python" "$@" "${options[@]}" \
            --requirement "${requirements}"
}

# What a cache is good for: these requirements on this Python and this system.
cache_url() {
    local requirements=$1 digest platform
    digest=$( (echo "uv==${UV_VERSION}" && cat -- "${requirements}") | sha256sum)
    platform=$("${TARGET}/bin/python" -c '
import platform, sys, sysconfig
libc = "".join(platform.libc_ver()) or "libc"
print(sys.implementation.cache_tag, sysconfig.get_platform(), libc, sep="-")')
    echo "${WHEEL_CACHE%/}/${digest:0:32}-${platform}.tar"
}

# Wheels from the cache into $WHEELS, if there are any.
get_wheels() {
    python3 "${START_TASK_LIB}/blob.py" get "$1" "${WORK}/wheels.tar" &&
        tar --extract --file "${WORK}/wheels.tar" --directory "${WORK}" --no-same-owner
}

# Builds or fetches all wheels, installs from them alone, so that they are known to be enough, and shares them.
install_and_fill_cache() {
    local requirements=$1 url=$2
    pip wheel --wheel-dir "${WHEELS}" "uv==${UV_VERSION}" &&
        pip wheel --wheel-dir "${WHEELS}" --requirement "${requirements}" &&
        install_requirements "${requirements}" --no-index --find-links "${WHEELS}" || return
    tar --create --file "${WORK}/wheels.tar" --directory "${WORK}" wheels &&
        python3 "${START_TASK_LIB}/blob.py" put "${WORK}/wheels.tar" "${url}" &&
        echo "the wheels are in the cache: ${url}" ||
        echo "the wheels could not be put into the cache (see above); the next node builds its own" >&2
}

install_all() {
    local requirements=$1 python=$2 url
    make_environment "${python}"
    if [[ -z ${WHEEL_CACHE:-} ]]; then
        install_requirements "${requirements}"
        return
    fi
    url=$(cache_url "${requirements}")
    if get_wheels "${url}"; then
        if install_requirements "${requirements}" --no-index --find-links "${WHEELS}"; then
            echo "installed from the cache: ${url}"
            return
        fi
        make_environment "${python}" # Nothing of what may be broken stays.
    fi
    echo "no use of the wheel cache (see above): the index is asked" >&2
    rm -rf "${WHEELS}"
    install_and_fill_cache "${requirements}" "${url}" || install_requirements "${requirements}"
}

main() {
    [[ $# -eq 1 || $# -eq 2 ]] || fail "one or two arguments are needed: python_packages.sh REQUIREMENTS [PYTHON]"
    [[ -r $1 ]] || fail "the requirements file $1 can't be read in $(pwd)"
    local requirements=$1 python=${2:-python3} digest stamp=${TARGET}/.complete
    check_pinned "${requirements}"
    digest=$( (echo "${python} ${UV_VERSION}" && cat -- "${requirements}") | sha256sum)
    umask 022 # Tasks may run as another user.
    exec 9>"${TARGET}.lock"
    flock 9 # Two at once on one node would empty each other's environment.
    if [[ -f ${stamp} && $(<"${stamp}") == "${digest}" ]]; then
        echo "${TARGET} is complete already"
        return
    fi
    rm -rf "${WORK}"
    mkdir -p "${WORK}"
    export UV_CACHE_DIR=${WORK}/uv-cache UV_NO_PROGRESS=1 UV_SYSTEM_CERTS=1
    install_all "${requirements}" "${python}"
    rm -rf "${WORK}"
    echo "${digest}" >"${stamp}"
    echo "${TARGET} is ready"
}

main "$@"
