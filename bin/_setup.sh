# Sourced by the other scripts: sets up .venv if pyproject.toml, the pins, the Python or the folder has changed.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
python="$root/.venv/bin/python"

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $1"; say "hint: $2"; exit "${3:-5}"; }
usage() { if [[ "${1:-}" == --help || "${1:-}" == -h ]]; then sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"; exit 0; fi; }

# setup [extras]: `setup` installs what the program and its graphs need, `setup dev` the development tools as well.
setup() {
    local base=${PYTHON:-} extras=${1:-} version want
    # A working .venv keeps its interpreter, even if another python3 is now first in PATH.
    [[ $base ]] || base=$("$python" -c 'import sys; print(sys._base_executable)' 2>/dev/null) || base=python3
    version=$("$base" --version 2>&1) || fail "there is no $base" "install Python 3.11 or newer, or set PYTHON"
    want=$(cat "$root/pyproject.toml" "$root/constraints.txt" - <<<"$version $root" | sha256sum)
    ! ready || return 0
    "$base" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$version is too old" "set PYTHON to 3.11 or newer"
    (
        ! command -v flock >/dev/null || flock -n 9 || { say "waiting for another process to set up .venv"; flock 9; }
        ready || install
    ) 9<"${BASH_SOURCE[0]}" >&2 || fail "could not set up .venv: see above" "check the network and the disk, then try again"
}

ready() { # a development setup includes what the program needs
    [[ -x $python ]] && grep -qsxF "$want" "$root/.venv/.stamp-${extras:-run}" "$root/.venv/.stamp-dev"
}

install() {
    local pip=("$python" -m pip install -qq -c "$root/constraints.txt")
    say "setting up .venv (once; a minute or two)"
    # A .venv of another Python, or from another folder, has scripts that do not run.
    if [[ $("$python" --version 2>&1) != "$version" ]] || ! grep -qF " $root/.venv" "$root/.venv/pyvenv.cfg"; then
        rm -rf "$root/.venv" && "$base" -m venv "$root/.venv" || return
    fi
    "$python" -m pip install -qq "$(grep "^pip==" "$root/constraints.txt")" \
        && "${pip[@]}" --build-constraint "$root/constraints.txt" -e "$root[${extras:-zh}]" \
        && printf '%s\n' "$want" >"$root/.venv/.stamp-${extras:-run}"
}
