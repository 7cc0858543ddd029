#!/bin/sh
# Installs Debian's Chromium where it is missing and we are root.
set -eu
if command -v chromium >/dev/null || [ -n "${REGISTRUM_TEST_CHROMIUM:-}" ]; then
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "Chromium is missing and can't be installed from here; the browser tests will fail." >&2
    echo "Install it, or set REGISTRUM_TEST_CHROMIUM to its path, or to skip." >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq -y --no-install-recommends chromium >/dev/null
