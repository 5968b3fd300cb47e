#!/usr/bin/env bash
# Installs the programs that the tests run besides Millrace, if any is missing, this is Debian and the user may install
# packages. Otherwise prints which packages to install; the tests that need them fail.
set -euo pipefail

declare -A packages=(
  [curl]=curl [openssl]=openssl [unzip]=unzip [redis-server]=redis-server [prometheus]=prometheus [python3]=python3
  [nginx]=nginx [haproxy]=haproxy [tinyproxy]=tinyproxy-bin [squid]=squid [chromium]=chromium
  [nghttp]=nghttp2-client [zstd]=zstd [brotli]=brotli [go]=golang-go [javac]=openjdk-17-jdk-headless
)
missing=()
for program in "${!packages[@]}"; do
  PATH="$PATH:/usr/sbin:/sbin" command -v "$program" >/dev/null || missing+=("${packages[$program]}")
done
# A module of nginx, not a program.
[[ -e /usr/lib/nginx/modules/ngx_stream_module.so ]] || missing+=(libnginx-mod-stream)
# Modules of the system's Python, which may not be the first one in PATH.
for module in requests httpx aiohttp h2; do
  /usr/bin/python3 -c "import $module" 2>/dev/null || missing+=("python3-$module")
done

as_root=()
((EUID == 0)) || as_root=(sudo -n)
if ((${#missing[@]} == 0)); then
  :
elif command -v apt-get >/dev/null && "${as_root[@]}" true 2>/dev/null; then
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
  echo "Some tests need programs that are missing; install these packages: ${missing[*]}" >&2
fi

bash "$(dirname "$0")/install-helm.sh" >/dev/null
