# Sourced after _setup.sh: installs programs that pip cannot, and builds the call page.

need() { # need PROGRAM PACKAGE PURPOSE: installs it if we may; otherwise reports it and fails
    command -v "$1" >/dev/null && return
    if command -v apt-get >/dev/null && ((EUID == 0)); then
        say "installing $2"
        export DEBIAN_FRONTEND=noninteractive
        apt-get install -y -qq "$2" >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq "$2"; } >&2 || true
    fi
    command -v "$1" >/dev/null && return
    [[ "${CI:-}" != true ]] || fail "$1 is missing and could not be installed" "install the package $2"
    say "skipped: $3 needs $1; install the package $2"
    return 1
}

page() { # builds the call page if web/ has changed
    local want static="$root/vitagraph/static"
    want=$(cd "$root/web" && find . -path ./node_modules -prune -o -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
    ! grep -qsxF "$want" "$static/.stamp" || return 0
    say "building the call page (once; half a minute)"
    need npm npm "the call page" || fail "the call page cannot be built" "install Node.js 20 or newer with npm"
    (cd "$root/web" && npm ci --no-progress --no-audit --no-fund --silent && npm run --silent build >/dev/null) >&2 \
        || fail "the call page could not be built: see above" "check the network, and that node --version is 20.19 or newer"
    printf '%s\n' "$want" >"$static/.stamp"
}
