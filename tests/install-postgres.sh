#!/bin/sh
# Installs Debian's PostgreSQL where its server binaries are missing and we are root; starts no cluster.
set -eu
if command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "PostgreSQL's binaries are missing and can't be installed from here; its tests will fail." >&2
    echo "Install PostgreSQL, or set REGISTRUM_TEST_POSTGRES=skip." >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq -y --no-install-recommends postgresql-common >/dev/null
mkdir -p /etc/postgresql-common/createcluster.d
echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.d/registrum-tests.conf
apt-get install -qq -y --no-install-recommends postgresql >/dev/null
