#!/usr/bin/env bash
# Start task: a program into $AZ_BATCH_NODE_SHARED_DIR/DIR, from where it is developed or stored.
#
#   fetch_program.sh git URL COMMIT DIR [CREDENTIAL]    a Git repository or Gist at a full commit hash, over https
#   fetch_program.sh blob URL DIR [SHA256]              a blob: .zip, .tar, .tar.gz, .tgz are unpacked, others copied
#   fetch_program.sh package NAME VERSION DIR           an application package of the pool; VERSION may be `any`
#
# A private repository takes a CREDENTIAL that the node's identity can get when it runs: the address of a secret in a
# key vault (https://VAULT.vault.azure.net/secrets/NAME), or `azure-devops` for a token of the identity itself. It is
# handed to git in memory: it is in no argument, address, configuration or log. Submodules are not fetched.
#
# What was fetched is written into DIR/.fetched; a later run that asks for the same leaves all as it is. Something new
# takes the place of the old in one step, once it is complete and checked.
set -Eeuo pipefail

readonly SHARED=${AZ_BATCH_NODE_SHARED_DIR:?}
readonly AZURE_DEVOPS=499b84ac-1321-427f-aa17-267ca6975798 # Azure DevOps, as Entra calls it in every tenant.
readonly USAGE="git URL COMMIT DIR [CREDENTIAL] | blob URL DIR [SHA256] | package NAME VERSION DIR"

check_directory() {
    [[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] ||
        fail "DIR '$1' must be one name of letters, digits, dots, hyphens and underscores; it is made in ${SHARED}"
    [[ ! -e ${SHARED}/$1 || -f ${SHARED}/$1/.fetched ]] ||
        fail "${SHARED}/$1 exists and is none of this script's; take another DIR"
}

check_address() {
    [[ $1 =~ ^https://[^/@?#]+/[^?#[:space:]]+$ ]] ||
        fail "the address must be https://HOST/PATH without user, token or query; the identity of the node stands in"
}

# Runs the rest with the directory to fill as its last argument, then puts that in the place of DIR. What is under way
# has one fixed name under a lock: the rest of a run that was killed is in nobody's way.
fetch_into() {
    local directory=$1 source=$2 made=${SHARED}/.$1.new old=${SHARED}/.$1.old
    shift 2
    check_directory "${directory}"
    umask 022 # Tasks may run as another user.
    exec 9>"${SHARED}/.${directory}.lock"
    flock 9
    if [[ -f ${SHARED}/${directory}/.fetched && $(<"${SHARED}/${directory}/.fetched") == "${source}" ]]; then
        echo "${SHARED}/${directory} holds ${source} already"
        return
    fi
    rm -rf "${made}" "${old}"
    mkdir "${made}"
    "$@" "${made}"
    echo "${source}" >"${made}/.fetched"
    [[ ! -e ${SHARED}/${directory} ]] || mv --no-target-directory "${SHARED}/${directory}" "${old}"
    mv --no-target-directory "${made}" "${SHARED}/${directory}"
    rm -rf "${old}"
    echo "${SHARED}/${directory} holds ${source}"
}

# Git over https alone, without hooks and prompts.
git_here() {
    GIT_TERMINAL_PROMPT=0 GIT_ALLOW_PROTOCOL=https git -c core.hooksPath=/dev/null -c credential.helper= "$@"
}

# Run by git's own shell when the repository's host, and no other, asks who is there.
# shellcheck disable=SC2016
readonly CREDENTIAL_HELPER='!answer() {
    [ "$1" = get ] || return 0
    password=$(python3 "$START_TASK_LIB/blob.py" $CREDENTIAL) || return 1
    echo username=token
    printf "password=%s\n" "$password"
}; answer'

get_git() {
    local url=$1 commit=$2 credential=$3 made=$4 found host=${1#https://} with=()
    if [[ -n ${credential} ]]; then
        with=(-c "credential.https://${host%%/*}.helper=${CREDENTIAL_HELPER}")
        export CREDENTIAL="secret ${credential}" # How to get it, not what it is.
        [[ ${credential} != azure-devops ]] || CREDENTIAL="token ${AZURE_DEVOPS}"
    fi
    git_here init --quiet --template= "${made}"
    git_here -C "${made}" "${with[@]}" fetch --quiet --depth 1 --no-tags --no-recurse-submodules "${url}" "${commit}"
    git_here -C "${made}" -c advice.detachedHead=false checkout --quiet --detach FETCH_HEAD
    found=$(git_here -C "${made}" rev-parse HEAD)
    [[ ${found} == "${commit}" ]] || fail "${url} gave ${found} instead of ${commit}"
}

get_blob() {
    local url=$1 digest=$2 made=$3 name=${1##*/} found
    local file=${made}/${name}
    python3 "${START_TASK_LIB}/blob.py" get "${url}" "${file}"
    if [[ -n ${digest} ]]; then
        read -r found _ < <(sha256sum "${file}")
        [[ ${found} == "${digest,,}" ]] ||
            fail "${url} has SHA-256 ${found} instead of ${digest,,}; nothing was kept of it"
    fi
    case ${name} in
    *.zip) unzip_into "${file}" "${made}" ;;
    *.tar | *.tar.gz | *.tgz) tar --extract --file "${file}" --directory "${made}" --no-same-owner ;;
    *) return ;;
    esac
    rm "${file}"
}

# By Python: not every image has unzip. Keeps what may be executed so; members can't leave the directory.
unzip_into() {
    python3 - "$@" <<'PYTHON'
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    for member in archive.infolist():
        path = archive.extract(member, sys.argv[2])
        if not member.is_dir() and (member.external_attr >> 16) & 0o111:
            os.chmod(path, 0o755)
PYTHON
}

# The service names the folder of a package in variables, NAME_VERSION with underscores, in small letters or as written.
# Puts it into $package.
find_package() {
    local name=$1 version=$2 wanted any variable
    package=""
    wanted=AZ_BATCH_APP_PACKAGE_${name}_${version}
    wanted=${wanted//[.#-]/_}
    any=${wanted%any}
    for variable in $(compgen -e); do
        if [[ ${variable,,} == "${wanted,,}" || ${version} == any && ${variable,,}_ == "${any,,}"* ]]; then
            [[ -z ${package} || ${package} == "${!variable}" ]] ||
                fail "the node has several versions of ${name}, in ${package} and ${!variable}; say which VERSION"
            package=${!variable}
        fi
    done
    [[ -n ${package} ]] ||
        fail "the node has no application package ${name} ${version} (no variable ${wanted}); give it to the pool"
}

get_package() {
    cp --archive --no-preserve=ownership "$1/." "$2"
}

main() {
    case "${1:-} $#" in
    "git 4" | "git 5")
        command -v git >/dev/null || fail "git is missing; let os_packages.sh git run before"
        check_address "$2"
        [[ $3 =~ ^([0-9a-f]{40}|[0-9a-f]{64})$ ]] || fail "COMMIT '$3' must be a full hash in small letters: names move"
        [[ ${5:-azure-devops} == azure-devops ]] || check_address "$5"
        fetch_into "$4" "git $2 $3" get_git "$2" "$3" "${5:-}"
        ;;
    "blob 3" | "blob 4")
        check_address "$2"
        [[ ${4:-} =~ ^([0-9A-Fa-f]{64})?$ ]] || fail "SHA256 '$4' must have 64 hexadecimal digits"
        fetch_into "$3" "blob $2 ${4:-}" get_blob "$2" "${4:-}"
        ;;
    "package 4")
        [[ $2 =~ ^[A-Za-z0-9_-]+$ && $3 =~ ^[A-Za-z0-9._-]+$ ]] || fail "'$2 $3' is no NAME and VERSION of a package"
        find_package "$2" "$3"
        fetch_into "$4" "package $2 ${package}" get_package "${package}"
        ;;
    *) fail "one of these is needed: ${USAGE}" ;;
    esac
}

main "$@"
