#!/usr/bin/env bash
# Installs the grader. Gradescope runs this once, as root, when it builds the image of the autograder; running it again does no harm.
# Made by `autograder bundle`. Holds no secret. Tried on Ubuntu 22.04.
set -euo pipefail
umask 022

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
home="${AUTOGRADER_HOME:-/opt/autograder}"
python_version="@PYTHON@" # the pinned packages were tested with this one; Ubuntu 22.04 comes with an older one
wanted="$(cat "$here/requirements.txt" "$here/constraints.txt" "$here/setup.sh" | sha256sum)"

say() { echo "setup.sh: $*"; }

if [ "$(id -u)" -ne 0 ]; then
    say "must run as root, so that student code can be run as another user" >&2
    exit 1
fi

restrict() {
    # Students' code runs as another user: it must be able to read Python, and nothing of the grader.
    chmod -R go+rX,go-w "$home"
    chmod -R go-rwx "$here"
    chmod u+x "$here/run_autograder"
}

if [ "$(cat "$home/ready" 2>/dev/null)" = "$wanted" ]; then
    say "everything is there already"
    restrict
    exit 0
fi
rm -f "$home/ready"

export DEBIAN_FRONTEND=noninteractive
if ! python3 -c "import venv, ensurepip" 2>/dev/null || [ ! -e /etc/ssl/certs/ca-certificates.crt ]; then
    apt-get update
    apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv
fi

# uv, from PyPI, in an environment of its own
mkdir -p "$home"
[ -x "$home/uv/bin/python" ] || python3 -m venv "$home/uv"
"$home/uv/bin/python" -m pip install --quiet --disable-pip-version-check "uv==@UV@"
uv="$home/uv/bin/uv"
export UV_PYTHON_INSTALL_DIR="$home/python" UV_LINK_MODE=copy UV_NO_PROGRESS=1 UV_COMPILE_BYTECODE=1 UV_CACHE_DIR="$home/cache"

# Python, with the grader's packages
if ! "$uv" venv --quiet --clear --python "$python_version" "$home/venv"; then
    say "uv found no Python $python_version to download, so it is installed from the packages of the system"
    apt-get update
    apt-get install --yes --no-install-recommends "python$python_version" "python$python_version-venv"
    "$uv" venv --quiet --clear --python "/usr/bin/python$python_version" "$home/venv"
fi
install() { "$uv" pip install --python "$home/venv/bin/python" --requirements "$here/requirements.txt" --constraints "$here/constraints.txt" "$@"; }
if ! install --torch-backend cpu; then
    say "the CPU build of torch could not be fetched, so its default build is installed: several gigabytes more, and more memory"
    install
fi
rm -rf "$UV_CACHE_DIR"

# The grader itself: its folder is put on Python's path
packages="$("$home/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')"
echo "$here" >"$packages/autograder.pth"
restrict

say "trying it"
"$home/venv/bin/python" -I -c "import autograder.bundle.gradescope"
setpriv --reuid 65534 --regid 65534 --clear-groups "$home/venv/bin/python" -I -c "import torch; print('torch', torch.__version__)"
echo "$wanted" >"$home/ready"
say "done"
