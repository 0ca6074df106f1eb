#!/bin/sh
# The real servers and programs that `make acceptance` runs against: installed where that can be done, else named.
# Nothing that is here already is touched. Where systemd runs nothing is installed: Debian's packages start their servers
# at once there and with every boot, which nobody has asked for who wants to run tests.
set -eu
PATH=$PATH:/usr/sbin # where servers are, and where only root looks

# program: Debian package
wanted="prometheus:prometheus promtool:prometheus prometheus-alertmanager:prometheus-alertmanager amtool:prometheus-alertmanager node:nodejs npm:npm chromium:chromium initdb:postgresql sshd:openssh-server ssh:openssh-client lighttpd:lighttpd setpriv:util-linux"
# A page without fonts is boxes. file in /usr/share/fonts: Debian package
fonts="truetype/dejavu/DejaVuSans.ttf:fonts-dejavu-core"

present() {
	command -v "$1" >/dev/null && return
	case $1 in
	prometheus-alertmanager) command -v alertmanager >/dev/null ;; # as its makers call it
	initdb) ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 ;; # Debian keeps it out of the PATH
	*) return 1 ;;
	esac
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
	node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' || {
		echo "The acceptance tests need Node 20 or newer, for Unleash; here it is $(node --version). Install it from https://nodejs.org/." >&2
		exit 1
	}
	for each in editor bridge unleash; do
		"$(dirname "$0")/npm.sh" "$each"
	done
	exit
}

packages=$(missing)
[ -n "$packages" ] || the_rest

if [ "$(id -u)" -eq 0 ] && [ -f /etc/debian_version ] && [ ! -d /run/systemd/system ]; then
	# In run level 1 no package starts its server: PostgreSQL, sshd and lighttpd would, wherever nothing forbids it.
	export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
	# shellcheck disable=SC2086  # a list of names
	install() { apt-get install --quiet --quiet --yes --no-install-recommends $packages >/dev/null; }
	install 2>/dev/null || { apt-get update --quiet --quiet >/dev/null && install; } || true
	packages=$(missing)
	[ -n "$packages" ] || the_rest
fi

{
	echo "The acceptance tests need programs that are not installed here: $(echo "$packages" | tr '\n' ' ')"
	echo "On Debian or Ubuntu: sudo apt-get install --no-install-recommends $(echo "$packages" | tr '\n' ' ')"
	echo "Elsewhere: put prometheus, promtool, alertmanager, amtool, node, npm, chromium, initdb and postgres, sshd, ssh, lighttpd and setpriv into the PATH (https://prometheus.io/download/, https://nodejs.org/, https://www.chromium.org/, https://www.postgresql.org/download/, https://www.openssh.com/, https://www.lighttpd.net/)."
} >&2
exit 1
