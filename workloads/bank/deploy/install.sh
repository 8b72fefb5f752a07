#!/bin/bash
# Installs the bank on its instance. User data runs it as root after unpacking the bundle.
set -euo pipefail
cd /opt/bank
set -a
. ./stack.env
set +a
instance=$(cloud-init query v1.instance_id)

# Amazon Linux's own packages come from S3; Python's are in the bundle, checked by their hashes.
dnf install --quiet --assumeyes python3.11 python3.11-pip amazon-cloudwatch-agent logrotate
id bank 2>/dev/null || useradd --system --no-create-home --shell /sbin/nologin bank
python3.11 -m venv venv
venv/bin/pip install --quiet --no-index --find-links wheels --require-hashes -r requirements.txt
venv/bin/python -m compileall -q bank

install -d -m 750 -o root -g bank /etc/bank
install -d -m 755 -o bank -g bank /var/log/bank
address=$(aws rds describe-db-instances --db-instance-identifier "$DATABASE_ID" \
    --query 'DBInstances[0].Endpoint.Address' --output text)
# The same MAC on every instance: sessions hold on all of them.
secret=$(aws kms generate-mac --key-id "$SESSION_KEY" --mac-algorithm HMAC_SHA_256 \
    --message "$(printf 'bank sessions' | base64)" --query Mac --output text)
database="postgresql://bank@$address:5432/bank?passfile=/etc/bank/pgpass"
database+="&sslmode=verify-full&sslrootcert=/opt/bank/rds-ca.pem"

umask 027
cat > /etc/bank/was.env <<SETTINGS
PORT=8081
DATABASE_URL=$database
BANK_SECRET=$secret
BANK_INSTANCE_ID=$instance
BANK_METRIC_NAMESPACE=Bank
AWS_REGION=$AWS_REGION
SETTINGS
cat > /etc/bank/web.env <<SETTINGS
PORT=8080
BANK_HOST=0.0.0.0
BANK_WAS_URL=http://127.0.0.1:8081
BANK_SECRET=$secret
BANK_INSTANCE_ID=$instance
SETTINGS
chgrp bank /etc/bank/was.env /etc/bank/web.env
umask 022

cat > /etc/logrotate.d/bank <<'ROTATE'
/var/log/bank/*.log {
    size 50M
    rotate 3
    compress
    copytruncate
    missingok
}
ROTATE
sed "s|LOG_GROUP|$LOG_GROUP|" deploy/cloudwatch-agent.json \
    > /opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.json
systemctl enable --now amazon-cloudwatch-agent logrotate.timer

deploy/refresh_password.sh
cp deploy/*.service deploy/*.timer /etc/systemd/system/
systemctl daemon-reload
systemctl enable --now bank-password.timer
# Not fatal: a replacement that starts while the database is away must still come up.
systemd-run --wait --collect --quiet --property=User=bank --property=WorkingDirectory=/opt/bank \
    --property=EnvironmentFile=/etc/bank/was.env venv/bin/python -m bank.schema ||
    echo "install.sh: the tables could not be checked" >&2
systemctl enable --now bank-was.service bank-web.service

curl --fail --silent --show-error --retry 60 --retry-delay 2 --retry-all-errors --max-time 5 \
    http://127.0.0.1:8080/health/deep
