#!/bin/sh
# Install system packages where they are missing and apt can be used: `venv`, `pictures` or `test`.
set -u

case "${1:-}" in
  venv) wanted="python3-venv" ;;
  pictures) wanted="libegl1 libegl-mesa0 libgl1-mesa-dri" ;;
  test) wanted="libegl1 libegl-mesa0 libgl1-mesa-dri fonts-noto-cjk mosquitto postgresql-15-postgis-3" ; command -v chromium >/dev/null || wanted="chromium $wanted" ;;
  *) echo "usage: system-packages.sh venv|pictures|test" >&2; exit 2 ;;
esac

missing=""
for package in $wanted; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null; then
  echo "This machine has no apt; install these yourself if something is missing:$missing" >&2
  exit 0
fi
as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo -n"
echo "installing$missing"
if ! { $as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing; } >/dev/null 2>&1; then
  echo "Could not install$missing; run: sudo apt-get install$missing" >&2
  exit 0
fi
