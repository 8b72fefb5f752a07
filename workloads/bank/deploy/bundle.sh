#!/bin/bash
# Builds the bundle that an instance installs: code, packages for arm64, RDS's certificates.
# Usage: bundle.sh FILE
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bank=$(dirname "$here")
requirements=$bank/../../requirements/bank.txt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cp "$requirements" "$work/requirements.txt"
mkdir "$work/bank" "$work/deploy"
(cd "$bank/bank" && find . -type f -not -path '*/__pycache__/*' -print0 | tar --null -T - -cf -) |
    tar -xf - -C "$work/bank"
cp "$here"/*.sh "$here"/*.service "$here"/*.timer "$here"/cloudwatch-agent.json "$work/deploy/"
python3 -m pip download --quiet --no-deps --require-hashes --only-binary=:all: \
    --python-version 3.11 --implementation cp --abi cp311 --abi abi3 --abi none \
    --platform manylinux_2_28_aarch64 --platform manylinux2014_aarch64 \
    --platform manylinux_2_17_aarch64 --platform any \
    --requirement "$work/requirements.txt" --dest "$work/wheels"
# BANK_RDS_CERTIFICATES: a file to use where this machine may not fetch it.
if [[ -n ${BANK_RDS_CERTIFICATES:-} ]]; then
    cp "$BANK_RDS_CERTIFICATES" "$work/rds-ca.pem"
else
    curl --fail --silent --show-error --max-time 60 --output "$work/rds-ca.pem" \
        https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem
fi
# The same content gives the same file, so that an unchanged bundle replaces no instance.
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode='u+rwX,go+rX,go-w' \
    -C "$work" -cf - . | gzip -n > "$1"
