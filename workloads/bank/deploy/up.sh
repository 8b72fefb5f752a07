#!/bin/bash
# Deploys the bank, or brings it up to date. Usage: up.sh [Parameter=value ...]
# STACK (default: bank) names the stack; account and region are those of the AWS CLI.
# CANARY=2 leaves the version that serves as it is, and puts this one on two instances beside it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
stack=${STACK:-bank}
region=$(aws configure get region || true)
region=${AWS_REGION:-${AWS_DEFAULT_REGION:-$region}}
bucket=$stack-bundle-$(aws sts get-caller-identity --query Account --output text)-$region

bundle=$(mktemp)
trap 'rm -f "$bundle"' EXIT
"$here/bundle.sh" "$bundle"
key=bank/$(sha256sum "$bundle" | cut -c1-16).tar.gz

if ! aws s3api head-bucket --bucket "$bucket" 2>/dev/null; then
    aws s3 mb "s3://$bucket" --region "$region"
    aws s3api put-public-access-block --bucket "$bucket" --public-access-block-configuration \
        BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
fi
aws s3 cp --only-show-errors "$bundle" "s3://$bucket/$key"
version=("BundleKey=$key")
if [ -n "${CANARY:-}" ]; then
    version=("CanaryBundleKey=$key" "CanaryCapacity=$CANARY")
fi
aws cloudformation deploy --region "$region" --stack-name "$stack" \
    --template-file "$here/../template.yaml" --capabilities CAPABILITY_IAM \
    --no-fail-on-empty-changeset \
    --parameter-overrides "BundleBucket=$bucket" "${version[@]}" "$@"
aws cloudformation describe-stacks --region "$region" --stack-name "$stack" \
    --query 'Stacks[0].Outputs[].[OutputKey,OutputValue]' --output table
