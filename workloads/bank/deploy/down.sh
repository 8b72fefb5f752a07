#!/bin/bash
# Removes the bank with all its data: the stack, then the bundle's bucket. Usage: down.sh
# Runs again without harm; what is gone already is skipped.
set -euo pipefail
stack=${STACK:-bank}
region=$(aws configure get region || true)
region=${AWS_REGION:-${AWS_DEFAULT_REGION:-$region}}
bucket=$stack-bundle-$(aws sts get-caller-identity --query Account --output text)-$region

aws cloudformation delete-stack --region "$region" --stack-name "$stack"
aws cloudformation wait stack-delete-complete --region "$region" --stack-name "$stack"
if aws s3api head-bucket --bucket "$bucket" 2>/dev/null; then
    aws s3 rb --force "s3://$bucket"
fi
left=$(aws ssm get-parameters-by-path --region "$region" --path /steadystate/workloads/bank \
    --query 'length(Parameters)' --output text)
if [[ $left != 0 ]]; then
    echo "down.sh: $left parameters are left under /steadystate/workloads/bank" >&2
    exit 1
fi
echo "The bank is gone. Its KMS key is deleted by AWS in 7 days; nothing is charged until then."
