#!/bin/sh
# What a pull request is told before it is merged; the same on GitHub, GitLab, Forgejo and on your own machine:
#
#   sh ci/check.sh production      # what is checked out, as a change of `production`
#
#   validate   what is wrong with the files that it changes, and with those whose meaning it changes
#   plan       what merging it would change in desired state now
#   what-if    what it would have changed in the last 90 days (`since`)
#
# Neither needs a secret or asks anybody: all is in this clone, which must not be shallow. The summary is left in
# reconciler-summary.md. Exit code 0: nothing stands against it; 1: something does; 2: it could not be checked.
set -u

since=90d
# Rules of `reconciler what-if --fail-if` that let a pull request fail, with `;` between them, as in
# "differ > 10%; replicas > +3"; empty: what would have been different is only shown.
fail_if=${RECONCILER_FAIL_IF:-}
# Warnings count too: a file that does not do what it says is not to be merged. Set to empty where you want them told only.
strict=${RECONCILER_STRICT---strict}

base=${1:-${GITHUB_BASE_REF:-${CI_MERGE_REQUEST_TARGET_BRANCH_NAME:-}}}
default=${DEFAULT_BRANCH:-${CI_DEFAULT_BRANCH:-}}
summary=${RECONCILER_SUMMARY:-reconciler-summary.md}

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
: >"$summary" || exit 2

# Forges take lines that begin with `::` for commands, and names of files can be anything, so each line gets a beginning.
said() {
    sed 's/^/reconciler: /' "$1" >&2
}

# $1: exit code
finish() {
    if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
        head -c 1000000 "$summary" >>"$GITHUB_STEP_SUMMARY"
    else
        cat "$summary"
    fi
    exit "$1"
}

# $1: what could not be done; its words are in $work/said
give_up() {
    said "$work/said"
    {
        printf '### reconciler could not %s\n\n' "$1"
        sed 's/^/    /' "$work/said"
    } >>"$summary"
    finish 2
}

if [ -z "$base" ]; then
    echo "usage: sh ci/check.sh BRANCH (the one that this would be merged into)" >&2
    exit 2
fi

# A merge request from a fork runs in the fork, whose stages may be old. What it goes to is read without credentials.
if [ "${CI_MERGE_REQUEST_PROJECT_PATH:-}" != "${CI_PROJECT_PATH:-}" ] && [ -n "${CI_MERGE_REQUEST_PROJECT_URL:-}" ]; then
    if ! git fetch --quiet "$CI_MERGE_REQUEST_PROJECT_URL.git" "+refs/heads/*:refs/remotes/origin/*"; then
        echo "reconciler: $CI_MERGE_REQUEST_PROJECT_URL cannot be read; compared with the fork's own branches" >&2
    fi
fi
if [ -z "$default" ]; then
    default=$(git symbolic-ref --quiet refs/remotes/origin/HEAD 2>/dev/null || echo refs/remotes/origin/main)
    default=${default#refs/remotes/origin/}
fi
# In full: a tag that is called `origin/production` would win over the branch.
into="refs/remotes/origin/$base"
if ! git rev-parse --quiet --verify "$into^{commit}" >/dev/null; then
    into="refs/heads/$base"
fi

# What is wrong, on its lines where the forge can show that.
# $1: the form
validate() {
    # shellcheck disable=SC2086  # empty means no word at all
    reconciler validate $strict --diff "$into...HEAD" -o "$1" 2>"$work/said"
}
if [ "${GITLAB_CI:-}" = true ]; then
    validate gitlab >gl-code-quality-report.json
elif [ "${GITHUB_ACTIONS:-}" = true ]; then
    validate github
else
    validate text >"$work/findings"
fi
found=$?
[ "$found" -le 1 ] || give_up "check the files"
said "$work/said"
[ -e "$work/findings" ] || { [ "$found" -eq 0 ] || validate text; } >"$work/findings"
# What is refused as a whole, as more files than can be looked at, stands on no line.
[ "$found" -eq 0 ] || [ -s "$work/findings" ] || cp "$work/said" "$work/findings"
if [ -s "$work/findings" ]; then
    {
        if [ "$found" -eq 0 ]; then printf '### Worth knowing\n\n'; else printf '### What is wrong\n\n'; fi
        sed 's/^/    /' "$work/findings"
        echo
    } >>"$summary"
fi
if [ "$found" -eq 1 ]; then
    printf 'What merging it would change is told once this is mended.\n' >>"$summary"
    finish 1
fi

# What would change now.
reconciler plan --ref HEAD --into "$base" -o markdown >>"$summary" 2>"$work/said"
[ $? -le 1 ] || give_up "tell what merging it would change"
said "$work/said"

# What would have been different. What holds for the whole project has no past of its own.
if [ "$base" != "$default" ]; then
    set -f
    set -- --stage "$base" --base "$into" --head HEAD --since "$since" -o markdown
    # Where `opsBranch` keeps what happened on a branch of its own, the past is there.
    if git rev-parse --quiet --verify "refs/remotes/origin/ops/$base^{commit}" >/dev/null; then
        set -- "$@" --history "refs/remotes/origin/ops/$base"
    fi
    IFS=';'
    for rule in $fail_if; do
        set -- "$@" --fail-if "$rule"
    done
    unset IFS
    echo >>"$summary"
    reconciler what-if "$@" >>"$summary" 2>"$work/said"
    found=$?
    [ "$found" -le 1 ] || give_up "tell what would have been different"
    said "$work/said"
fi
finish "$found"
