#!/bin/sh
# Brings the real parts the tests need that PyPI does not hold: a browser (Debian) and the JavaScript validator (npm).
set -eu
cd "$(dirname "$0")"
if ! command -v chromium >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1; then
  sudo="$(command -v sudo || true)"
  $sudo apt-get update -qq && $sudo apt-get install -y -qq chromium fonts-noto-cjk >/dev/null
fi
if command -v npm >/dev/null 2>&1; then
  npm install --silent --no-audit --no-fund --no-package-lock
fi
