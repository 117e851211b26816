#!/bin/sh
# Brings the real parts the tests need that PyPI does not hold: a browser, an SMS gateway and a wall clock that steps (Debian), parts in JavaScript (npm).
set -eu
cd "$(dirname "$0")"
has() { PATH="$PATH:/usr/sbin" command -v "$1" >/dev/null 2>&1; }
if ! { has chromium && has bearerbox && has faketime; } && has apt-get; then
  sudo="$(command -v sudo || true)"
  $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk kannel faketime >/dev/null
fi
if command -v npm >/dev/null 2>&1; then
  npm install --silent --no-audit --no-fund --no-package-lock
fi
