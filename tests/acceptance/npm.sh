#!/bin/sh
# The npm packages of a folder's package-lock.json, in .make/: `npm ci`, once for each content of that file.
set -eu

name=$1
here=$(dirname "$0")/$name
into=$here/../../../.make/$name

cmp -s "$here/package-lock.json" "$into/installed" && exit 0

mkdir -p "$into"
rm -f "$into/installed"
cp "$here/package.json" "$here/package-lock.json" "$into"
(cd "$into" && npm ci --silent --no-audit --no-fund --ignore-scripts --prefer-offline --fetch-timeout=60000 --fetch-retries=2) || {
	echo "The acceptance tests need the npm packages of tests/acceptance/$name/package-lock.json, and npm ci could not get them." >&2
	exit 1
}
cp "$here/package-lock.json" "$into/installed"
