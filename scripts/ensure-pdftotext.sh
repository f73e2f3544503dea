#!/bin/sh
# Makes sure that the tests can read letters back: pdftotext, of poppler-utils. Says
# nothing when it is there. Otherwise installs it with apt-get or brew. Where that
# does not go, that is said and nothing fails: those tests then skip, and say so.
set -u

say() { printf '%s\n' "ensure-pdftotext: $*" >&2; }

command -v pdftotext >/dev/null 2>&1 && exit 0

if command -v apt-get >/dev/null 2>&1; then
	say "installing poppler-utils with apt-get"
	if [ "$(id -u)" -eq 0 ]; then
		root=
	elif [ -t 0 ]; then
		root=sudo
	else
		root="sudo -n"
	fi
	$root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends poppler-utils >&2 ||
		{ $root env DEBIAN_FRONTEND=noninteractive apt-get -qq update >&2 &&
			$root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends poppler-utils >&2; }
elif command -v brew >/dev/null 2>&1; then
	say "installing poppler with brew"
	brew install --quiet poppler >&2
fi

command -v pdftotext >/dev/null 2>&1 || say "pdftotext is not there and could not be installed: tests that read letters back will skip"
exit 0
