#!/bin/sh
# The YAML language server of package-lock.json, in .make/editor: `npm ci`, once for each content of that file.
set -eu

here=$(dirname "$0")
into=$here/../../../.make/editor

cmp -s "$here/package-lock.json" "$into/installed" && exit 0

mkdir -p "$into"
rm -f "$into/installed"
cp "$here/package.json" "$here/package-lock.json" "$into"
(cd "$into" && npm ci --silent --no-audit --no-fund --ignore-scripts --prefer-offline) || {
	echo "The acceptance tests need the npm packages of tests/acceptance/editor/package-lock.json, and npm ci could not get them." >&2
	exit 1
}
cp "$here/package-lock.json" "$into/installed"
