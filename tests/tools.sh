#!/usr/bin/env bash
# Chromium for the browser tests and kubectl for the API server's: from PATH, or Debian's packages where that is allowed.
set -euo pipefail

install_debian() {
    local package=$1
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        export DEBIAN_FRONTEND=noninteractive
        apt-get install -y -q --no-install-recommends "$package" >/dev/null 2>&1 ||
            { apt-get update -q >/dev/null && apt-get install -y -q --no-install-recommends "$package" >/dev/null; }
    else
        echo "The tests need $package, which is not on PATH. On Debian: sudo apt-get install $package" >&2
        return 1
    fi
}

command -v chromium >/dev/null || install_debian chromium
command -v kubectl >/dev/null || install_debian kubernetes-client
