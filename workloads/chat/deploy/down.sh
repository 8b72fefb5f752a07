#!/bin/bash
# Removes the chat with all its data: buckets, the stack, the images. Usage: down.sh
# Runs again without harm; what is gone already is skipped.
set -euo pipefail
stack=${STACK:-chat}
region=$(aws configure get region || true)
region=${AWS_REGION:-${AWS_DEFAULT_REGION:-$region}}

bucket() {
    aws cloudformation describe-stack-resource --region "$region" --stack-name "$stack" \
        --logical-resource-id "$1" --query StackResourceDetail.PhysicalResourceId --output text 2>/dev/null || true
}
empty() {
    if [[ -n $1 && $1 != None ]] && aws s3api head-bucket --bucket "$1" 2>/dev/null; then
        aws s3 rm --only-show-errors --recursive "s3://$1"
    fi
}
page=$(bucket PageBucket)
logs=$(bucket LogBucket)
# The load balancer goes on writing access logs until it is gone: it is told to stop first.
balancer=$(bucket LoadBalancer)
if [[ -n $balancer && $balancer != None ]]; then
    aws elbv2 modify-load-balancer-attributes --region "$region" --load-balancer-arn "$balancer" \
        --attributes Key=access_logs.s3.enabled,Value=false >/dev/null 2>&1 || true
fi
empty "$page"
empty "$logs"
aws cloudformation delete-stack --region "$region" --stack-name "$stack"
if ! aws cloudformation wait stack-delete-complete --region "$region" --stack-name "$stack"; then
    # Logs that were still under way came into the bucket after it was emptied.
    empty "$logs"
    aws cloudformation delete-stack --region "$region" --stack-name "$stack"
    aws cloudformation wait stack-delete-complete --region "$region" --stack-name "$stack"
fi
if aws ecr describe-repositories --region "$region" --repository-names "$stack" >/dev/null 2>&1; then
    aws ecr delete-repository --region "$region" --repository-name "$stack" --force >/dev/null
fi
left=$(aws ssm get-parameters-by-path --region "$region" --path /steadystate/workloads/chat \
    --query 'length(Parameters)' --output text)
if [[ $left != 0 ]]; then
    echo "down.sh: $left parameters are left under /steadystate/workloads/chat" >&2
    exit 1
fi
echo "The chat is gone. Its two secrets are deleted by AWS within 30 days; nothing is charged until then."
