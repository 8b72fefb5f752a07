#!/bin/bash
# Deploys the chat, or brings it up to date. Usage: up.sh [green] [Parameter=value ...]
# With "green" the code becomes the image of the green service alone; weights are left as they are.
# STACK (default: chat) names stack and repository; account and region are those of the AWS CLI.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
stack=${STACK:-chat}
region=$(aws configure get region || true)
region=${AWS_REGION:-${AWS_DEFAULT_REGION:-$region}}
registry=$(aws sts get-caller-identity --query Account --output text).dkr.ecr.$region.amazonaws.com
side=Blue
if [[ ${1:-} == green ]]; then
    side=Green
    shift
fi

if ! aws ecr describe-repositories --region "$region" --repository-names "$stack" >/dev/null 2>&1; then
    aws ecr create-repository --region "$region" --repository-name "$stack" >/dev/null \
        --image-tag-mutability IMMUTABLE --image-scanning-configuration scanOnPush=true \
        --encryption-configuration encryptionType=AES256
fi
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
cp -r "$here/../chat" "$here/Dockerfile" "$context"
cp "$here/../../../requirements/chat.txt" "$context"
find "$context" -name __pycache__ -prune -exec rm -rf {} +
tag=$(cd "$context" && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)
image=$registry/$stack:$tag
if ! aws ecr describe-images --region "$region" --repository-name "$stack" \
    --image-ids "imageTag=$tag" >/dev/null 2>&1; then
    aws ecr get-login-password --region "$region" | docker login --username AWS --password-stdin "$registry"
    docker buildx build --platform linux/arm64 --tag "$image" --push "$context"
fi
aws cloudformation deploy --region "$region" --stack-name "$stack" \
    --template-file "$here/../template.yaml" --capabilities CAPABILITY_IAM \
    --no-fail-on-empty-changeset \
    --parameter-overrides "Repository=$stack" "${side}Image=$image" "$@"

output() {
    aws cloudformation describe-stacks --region "$region" --stack-name "$stack" --output text \
        --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}
if [[ $side == Blue ]]; then
    bucket=$(output PageBucket)
    aws s3 sync --only-show-errors --delete "$here/../chat/static" "s3://$bucket/static" --exclude index.html
    aws s3 cp --only-show-errors "$here/../chat/static/index.html" "s3://$bucket/index.html" \
        --cache-control no-cache
    distribution=$(output DistributionId)
    if [[ -n $distribution && $distribution != None ]]; then
        aws cloudfront create-invalidation --distribution-id "$distribution" --paths '/*' >/dev/null
    fi
fi
echo "The chat is at $(output Url)"
