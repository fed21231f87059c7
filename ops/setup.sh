#!/usr/bin/env bash
# Makes this machine able to run an installation: `ops/setup.sh run`, `ops/setup.sh dev`, or `ops/setup.sh containers`.
# Installs distribution packages only where they are missing, and leaves no service running or enabled by that.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=$1
lock=requirements/$kind.lock

say() { printf '[setup] %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

install_packages() {
    local packages=("$@")
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        fail "missing: ${packages[*]}. Install with: apt-get install ${packages[*]}"
    fi
    say "installing from the distribution: ${packages[*]}"
    local before after
    forbid_starting
    before=$(enabled_units)
    local options=(-o DPkg::Lock::Timeout=60 -y --no-install-recommends)
    if ! DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" install "${packages[@]}" >.setup.log 2>&1; then
        apt-get update >>.setup.log 2>&1 || true
        DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" install "${packages[@]}" >>.setup.log 2>&1 ||
            { tail -n 5 .setup.log >&2; fail "could not install ${packages[*]}; the whole output is in .setup.log"; }
    fi
    after=$(enabled_units)
    for unit in $(comm -13 <(printf '%s\n' "$before") <(printf '%s\n' "$after")); do
        systemctl disable "$unit" >>.setup.log 2>&1 || true
        say "left disabled: $unit"
    done
    rm -f .setup.log
    allow_starting
}

# Services must not start by being installed: for a moment, nothing may. The machine may have a policy of its own.
policy=/usr/sbin/policy-rc.d
kept=$policy.before-linli

forbid_starting() {
    if [ -e $policy ] && [ ! -e $kept ]; then cp -p $policy $kept; fi
    trap allow_starting EXIT
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
}

allow_starting() {
    trap - EXIT
    if [ -e $kept ]; then mv $kept $policy; else rm -f $policy; fi
}

enabled_units() {
    command -v systemctl >/dev/null || return 0
    systemctl list-unit-files --state=enabled --no-legend --no-pager 2>/dev/null | awk '{print $1}' | sort || true
}

# uv does not read what pip is told. Whoever has pip use a mirror, or a certificate of their own, said it once.
heed_pip() {
    local told
    told=$(.venv/bin/pip config list 2>/dev/null) || true
    told() { sed -nE "s/^(:env:|global|install)\.$1='(.*)'$/\2/p" <<<"$told" | head -n 1; }
    heed() { if [ -z "${!1:-}" ] && [ -n "$2" ]; then export "$1=$2"; fi; }
    heed UV_DEFAULT_INDEX "$(told index-url)"
    heed UV_INSECURE_HOST "$(told trusted-host)"
    heed SSL_CERT_FILE "$(told cert)"
}

# The distribution's interpreter goes before another one on the path: it is built with optimisations, and one that somebody
# compiled with the defaults takes a third more for everything. Whoever wants another makes .venv with it beforehand.
python=$(command -v /usr/bin/python3.11 || command -v python3.11 || command -v python3) ||
    fail "missing: Python 3.11. Install with: apt-get install python3"
[ "$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" = 3.11 ] || fail "Python 3.11 is needed, $("$python" --version) found"

packages=()
"$python" -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || packages+=(rabbitmq-server)
command -v epmd >/dev/null || packages+=(erlang-base)
command -v caddy >/dev/null || packages+=(caddy)
[ -e /usr/share/fonts/truetype/wqy/wqy-microhei.ttc ] || packages+=(fonts-wqy-microhei)
if [ "$kind" = containers ]; then
    # Crun is no choice: the distribution's engine asks it for what it does not do.
    for program in dockerd:docker.io containerd:containerd runc:runc iptables:iptables debootstrap:debootstrap ip:iproute2; do
        command -v "${program%%:*}" >/dev/null || packages+=("${program##*:}")
    done
fi
[ ${#packages[@]} = 0 ] || install_packages "${packages[@]}"

if [ ! -x .venv/bin/python ]; then
    say "making the virtual environment"
    "$python" -m venv .venv
fi
stamp=.venv/.$kind-ready
rarely='/(phonenumbers/(data|shortdata|geodata|carrierdata|tzdata)|numpy|pip|mypyc?|fontTools|pygments|setuptools|graphql|future|shapely|tests?)/'
if ! cmp -s "$lock" "$stamp"; then
    say "installing Python packages from $lock"
    cmp -s requirements/setup.lock .venv/.setup-ready || {
        .venv/bin/pip install --quiet --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/setup.lock
        cp requirements/setup.lock .venv/.setup-ready
    }
    heed_pip
    # The lock file is whole: nothing is left to resolve.
    .venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes --no-deps -r "$lock"
    .venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --offline -e .
    # All cores compile once what the first processes would compile one by one; not what is large and hardly ever loaded.
    .venv/bin/python -m compileall -qq -j 0 -x "$rarely" .venv/lib/python3.11/site-packages shared services ops
    cp "$lock" "$stamp"
    if [ "$kind" != run ]; then cp requirements/run.lock .venv/.run-ready; fi
    if [ "$kind" = containers ]; then cp requirements/dev.lock .venv/.dev-ready; fi
fi
