#!/bin/bash
# Writes the database's password where libpq looks it up at every connect. RDS rotates it each
# week; connections that are open stay so, and this runs every two minutes.
set -euo pipefail
set -a
. /opt/bank/stack.env
set +a
secret=$(aws rds describe-db-instances --db-instance-identifier "$DATABASE_ID" \
    --query 'DBInstances[0].MasterUserSecret.SecretArn' --output text)
new=$(mktemp /etc/bank/pgpass.XXXXXX)
trap 'rm -f "$new"' EXIT
aws secretsmanager get-secret-value --secret-id "$secret" --query SecretString --output text |
    python3.11 -c '
import json, sys
password = json.load(sys.stdin)["password"].replace("\\", "\\\\").replace(":", "\\:")
print(f"*:*:*:*:{password}")' > "$new"
chown bank:bank "$new"
chmod 600 "$new"
mv "$new" /etc/bank/pgpass
