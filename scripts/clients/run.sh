#!/usr/bin/env bash
# Lets the Salesforce CLI and jsforce loose on the emulator and says what came of
# each step. Nothing leaves the machine once the clients are installed.
#
#   run.sh PARTNERSYNC CACHE [REPORT]
#
# PARTNERSYNC is the program, CACHE a directory for the clients (installed once),
# REPORT the file that the outcome is written to. PARTS (cli deploy jsforce) says
# what is tried. Exit code: 0 if every step was ok.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
program=$(realpath "$1")
cache=$2
report=${3:-}
parts=" ${PARTS:-cli deploy jsforce} "

command -v npm >/dev/null || { echo "clients: npm is not there, so nothing is tried" >&2; exit 0; }

# The clients are installed once for each version of package.json.
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
if ! cmp -s "$here/package.json" "$cache/package.json"; then
	echo "clients: installing the Salesforce CLI, jsforce and node into $cache, once" >&2
	rm -rf "$cache/node_modules"
	cp "$here/package.json" "$cache/package.json.new"
	(cd "$cache" && mv package.json.new package.json && npm install --no-package-lock --no-audit --no-fund --loglevel=error >&2) ||
		{ rm -f "$cache/package.json"; exit 1; }
fi
export PATH="$cache/node_modules/node/bin:$cache/node_modules/.bin:$PATH"

work=$(mktemp -d)
pids=()
finish() {
	for pid in ${pids[@]+"${pids[@]}"}; do kill "$pid" 2>/dev/null || true; done
	rm -rf "$work"
}
trap finish EXIT

# A home of its own: no login, no setting and no key of the person who runs this.
mkdir "$work/home"
export HOME="$work/home" WORK="$work" CACHE="$cache"
export SF_DISABLE_TELEMETRY=true SF_AUTOUPDATE_DISABLE=true SF_USE_GENERIC_UNIX_KEYCHAIN=true
export SF_SKIP_NEW_VERSION_CHECK=true SF_DISABLE_LOG_FILE=true SF_HIDE_RELEASE_NOTES=true SF_CAPITALIZE_RECORD_TYPES=false
export NO_COLOR=1 FORCE_COLOR=0 SF_NO_TTY=true

# org NAME FLAG… starts an emulator on a free port, and puts its description as
# JSON into $work/NAME.json.
org() {
	local name=$1
	shift
	(cd "$work" && exec "$program" emulator --listen 127.0.0.1:0 --output json "$@") >"$work/$name.json" 2>"$work/$name.err" &
	pids+=($!)
	local pid=$!
	until node -e 'JSON.parse(require("fs").readFileSync(process.argv[1]))' "$work/$name.json" 2>/dev/null; do
		kill -0 "$pid" 2>/dev/null || { cat "$work/$name.err" >&2; return 1; }
		sleep 0.1
	done
}

# about NAME KEY gives a line of an org's description.
about() { node -p 'JSON.parse(require("fs").readFileSync(process.argv[1]))[process.argv[2]]' "$work/$1.json" "$2"; }

# token NAME gives an access token of an org.
token() {
	curl -sf "$(about "$1" url)/services/oauth2/token" -d grant_type=client_credentials -d "client_id=$(about "$1" client_id)" \
		-d "client_secret=$(about "$1" client_secret)" | node -p 'JSON.parse(require("fs").readFileSync(0)).access_token'
}

# A step that hangs ends, where there is something that can end it.
limit=()
command -v timeout >/dev/null && limit=(timeout 180)

outcome="$work/outcome"
: >"$outcome"
tell() { printf '%s\n' "$*" | tee -a "$outcome"; }

# step NAME EXPRESSION COMMAND… runs a command and wants a JavaScript expression to
# be true of it: code is the exit code, out what it printed, j that as JSON,
# file(x) the text of a file in the work directory. Text out of j that a later step
# needs is kept by keep(name, text) and read with $(kept name).
step() {
	local name=$1 expression=$2 code=0
	shift 2
	(cd "$work" && ${limit[@]+"${limit[@]}"} "$@") >"$work/out" 2>"$work/err" </dev/null || code=$?
	if why=$(CODE=$code EXPRESSION=$expression node -e '
		const fs = require("fs"), work = process.env.WORK
		const code = Number(process.env.CODE), out = fs.readFileSync(work + "/out", "utf8"), err = fs.readFileSync(work + "/err", "utf8")
		const file = (x) => fs.readFileSync(work + "/" + x, "utf8")
		const keep = (name, text) => { fs.writeFileSync(work + "/kept-" + name, String(text)); return Boolean(text) }
		let j
		try { j = JSON.parse(out) } catch { j = undefined }
		let good = false, why = ""
		try { good = eval(process.env.EXPRESSION) } catch (e) { why = e.message }
		if (!good) { console.log(`${why} exit code ${code}: ${(j && j.message) || err || out}`.replace(/\s+/g, " ").slice(0, 500)); process.exit(1) }'); then
		tell "ok   $name"
	else
		tell "FAIL $name: $why"
	fi
}

kept() { cat "$work/kept-$1"; }

echo "clients: starting an org" >&2
org full --opportunities 3000 --seed 7
URL=$(about full url)
export URL=${URL/127.0.0.1/localhost}
export USERNAME PASSWORD TOKEN
USERNAME=$(about full username)
PASSWORD=$(about full password)$(about full security_token)
TOKEN=$(token full)

for part in cli deploy; do
	# shellcheck source=/dev/null
	[[ $parts != *" $part "* ]] || . "$here/$part.sh"
done
if [[ $parts == *" jsforce "* ]]; then
	cp "$here/jsforce.mjs" "$cache/jsforce.mjs"
	node "$cache/jsforce.mjs" 2>"$work/err" | tee -a "$outcome" || tell "FAIL jsforce ends: $(tail -c 400 "$work/err" | tr '\n' ' ')"
fi

good=$(grep -c '^ok ' "$outcome" || true)
bad=$(grep -c '^FAIL ' "$outcome" || true)
summary="$good ok, $bad failed"
echo "$summary"

if [ -n "$report" ]; then
	{
		echo "# What clients say of the emulator"
		echo
		echo "Written by \`make clients\` on $(date -u +%F): clients that nobody here wrote, against an org that \`partnersync emulator\` served."
		echo "What each step wants is in [scripts/clients](../scripts/clients); the same is done with go-salesforce by the tests of"
		echo "[salesforce/emulator/peer](../salesforce/emulator/peer)."
		echo
		echo "- Salesforce CLI: $(sf --version | cut -d' ' -f1)"
		echo "- jsforce: $(node -p 'require(process.env.CACHE + "/node_modules/jsforce/package.json").version')"
		echo "- node: $(node --version)"
		echo
		echo '```'
		cat "$outcome"
		echo
		echo "$summary"
		echo '```'
	} >"$report"
fi
[ "$bad" -eq 0 ]
