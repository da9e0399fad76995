#!/usr/bin/env bash
# Grades the folder or zip at /submission and leaves results.json in /out. What is in the image stays as it is.
set -euo pipefail

if [ ! -e /submission ]; then
    echo "entry_point.sh: there is no /submission; start with -v \"\$PWD/work:/submission:ro\"" >&2
    exit 2
fi
root="$(mktemp -d)"
mkdir "$root/submission" "$root/results"
if [ -d /submission ]; then
    cp -R --no-preserve=mode /submission/. "$root/submission"
else
    cp /submission "$root/submission/submission.zip"
fi
[ ! -e /submission_metadata.json ] || cp /submission_metadata.json "$root"
bash "$(dirname "$0")/run_autograder" "$root"
if [ -d /out ]; then
    cp "$root/results/results.json" /out/results.json
else
    cat "$root/results/results.json"
fi
