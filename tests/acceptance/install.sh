#!/bin/sh
# The real servers and programs that `make acceptance` runs against: installed where that can be done, else named.
# Nothing that is here already is touched. Where systemd runs nothing is installed: Debian's packages start their servers
# at once there and with every boot, which nobody has asked for who wants to run tests.
set -eu

# program: Debian package
wanted="prometheus:prometheus promtool:prometheus prometheus-alertmanager:prometheus-alertmanager amtool:prometheus-alertmanager node:nodejs npm:npm chromium:chromium"
# A page without fonts is boxes. file in /usr/share/fonts: Debian package
fonts="truetype/dejavu/DejaVuSans.ttf:fonts-dejavu-core"

present() { # Debian's name of Alertmanager is not that of its makers
	command -v "$1" >/dev/null || { [ "$1" = prometheus-alertmanager ] && command -v alertmanager >/dev/null; }
}

missing() {
	for each in $wanted; do
		present "${each%%:*}" || echo "${each##*:}"
	done | sort -u
	[ ! -f /etc/debian_version ] || for each in $fonts; do
		[ -f "/usr/share/fonts/${each%%:*}" ] || echo "${each##*:}"
	done
}

the_rest() { # what npm gets, once npm is there
	for each in editor bridge; do
		"$(dirname "$0")/npm.sh" "$each"
	done
	exit
}

packages=$(missing)
[ -n "$packages" ] || the_rest

if [ "$(id -u)" -eq 0 ] && [ -f /etc/debian_version ] && [ ! -d /run/systemd/system ]; then
	export DEBIAN_FRONTEND=noninteractive
	# shellcheck disable=SC2086  # a list of names
	install() { apt-get install --quiet --quiet --yes --no-install-recommends $packages >/dev/null; }
	install 2>/dev/null || { apt-get update --quiet --quiet >/dev/null && install; } || true
	packages=$(missing)
	[ -n "$packages" ] || the_rest
fi

{
	echo "The acceptance tests need programs that are not installed here: $(echo "$packages" | tr '\n' ' ')"
	echo "On Debian or Ubuntu: sudo apt-get install --no-install-recommends $(echo "$packages" | tr '\n' ' ')"
	echo "Elsewhere: put prometheus, promtool, alertmanager, amtool, node, npm and chromium into the PATH (https://prometheus.io/download/, https://nodejs.org/, https://www.chromium.org/)."
} >&2
exit 1
