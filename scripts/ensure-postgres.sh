#!/bin/sh
# Makes sure that this machine has the binaries of a Postgres server (initdb and
# postgres, 14 or later), which `make run` and `make test` run privately. Looks in
# the places where the program looks (internal/pg/binaries.go); says nothing when
# they are there. Otherwise installs them with apt-get or brew, or says what to
# install. No server of the system's is set up or started.
set -eu

oldest=14

say() { printf '%s\n' "ensure-postgres: $*" >&2; }

# usable DIR: does DIR hold a server that is new enough?
usable() {
	[ -x "$1/initdb" ] && [ -x "$1/postgres" ] || return 1
	major=$("$1/postgres" --version 2>/dev/null | sed -n 's/.*(PostgreSQL) \([0-9][0-9]*\).*/\1/p')
	[ -n "$major" ] && [ "$major" -ge "$oldest" ]
}

# beside PROGRAM: the directory where a program of the PATH really is.
beside() {
	program=$(command -v "$1" 2>/dev/null) || return 0
	while [ -L "$program" ]; do
		target=$(readlink "$program")
		case $target in
		/*) program=$target ;;
		*) program=$(dirname "$program")/$target ;;
		esac
	done
	dirname "$program"
}

# found: is there a usable server anywhere?
found() {
	if [ -n "${PARTNERSYNC_POSTGRES_BIN:-}" ]; then
		usable "$PARTNERSYNC_POSTGRES_BIN"
		return
	fi
	for dir in "$(beside postgres)" "$(beside initdb)" "$(pg_config --bindir 2>/dev/null || true)" \
		/usr/lib/postgresql/*/bin \
		/opt/homebrew/opt/postgresql*/bin \
		/usr/local/opt/postgresql*/bin \
		/usr/pgsql-*/bin \
		/usr/lib64/pgsql/bin \
		/usr/local/pgsql/bin \
		/usr/libexec/postgresql* \
		/Applications/Postgres.app/Contents/Versions/*/bin; do
		if [ -n "$dir" ] && usable "$dir"; then return 0; fi
	done
	return 1
}

# as_root COMMAND...: runs it as root, by sudo if need be; sudo asks for a
# password only where somebody can answer.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif [ -t 0 ]; then
		sudo "$@"
	else
		sudo -n "$@"
	fi
}

install_with_apt() {
	say "installing postgresql with apt-get"
	apt="as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq"
	$apt update >&2
	# Debian's package makes a cluster and starts it, unless told otherwise
	# between the package with that setting and the server itself.
	$apt install -y --no-install-recommends postgresql-common >&2
	conf=/etc/postgresql-common/createcluster.conf
	dir=/etc/postgresql-common/createcluster.d # which $conf includes
	quiet=
	if grep -qs "^include_dir.*$dir" "$conf" && [ ! -e "$dir/partnersync.conf" ]; then
		quiet=$dir/partnersync.conf
		as_root mkdir -p "$dir"
		echo 'create_main_cluster = false' | as_root tee "$quiet" >/dev/null
	fi
	status=0
	$apt install -y --no-install-recommends postgresql >&2 || status=$?
	if [ -n "$quiet" ]; then as_root rm -f "$quiet"; fi
	return "$status"
}

install_with_brew() {
	say "installing postgresql@17 with brew"
	brew install --quiet postgresql@17 >&2
}

advise() {
	say "$1"
	say "Install a Postgres server, $oldest or later, for instance with one of:"
	say "  apt-get install postgresql          (Debian, Ubuntu; for newer versions see https://apt.postgresql.org)"
	say "  dnf install postgresql-server       (Fedora, RHEL)"
	say "  apk add postgresql                  (Alpine)"
	say "  brew install postgresql@17          (macOS)"
	say "If it is somewhere else, name the directory of initdb and postgres in PARTNERSYNC_POSTGRES_BIN."
	exit 1
}

if found; then exit 0; fi

if [ -n "${PARTNERSYNC_POSTGRES_BIN:-}" ]; then
	advise "PARTNERSYNC_POSTGRES_BIN is $PARTNERSYNC_POSTGRES_BIN, but no Postgres server of version $oldest or later is there."
elif command -v apt-get >/dev/null 2>&1; then
	if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null 2>&1; then
		advise "No Postgres server was found; apt-get could install it, but needs root, and there is no sudo."
	fi
	install_with_apt || advise "apt-get could not install Postgres."
elif command -v brew >/dev/null 2>&1; then
	install_with_brew || advise "brew could not install Postgres."
else
	advise "No Postgres server of version $oldest or later was found."
fi

found || advise "Postgres was installed, but there is still no server of version $oldest or later."
