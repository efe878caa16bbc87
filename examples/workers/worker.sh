#!/usr/bin/env bash
# A whole worker over HTTP: copy it and json.sh, replace the handlers. bash 4.4 or newer, curl and any awk.
#
#     PGQ_API_URLS=http://127.0.0.1:8000,http://127.0.0.1:8001 PGQ_TOKEN_FILE=token ./worker.sh
#
# Also read: PGQ_TOKEN, PGQ_QUEUES (default,mail), PGQ_CONCURRENCY (4), PGQ_WORKER_NAME, PGQ_GRACE_SECONDS (25).
# What the protocol promises, and why a worker does what this one does: docs/http-workers.md.
#
# Each task has a folder while it is held; one process claims, one beats, and each task has one that runs
# its handler and tells the outcome. They speak to each other by files in these folders.
set -uo pipefail

# --- Handlers: what you replace, also by programs in any language. A handler is a filter: the payload comes on its
# standard input, its result, as JSON, goes to its standard output; what it says on standard error is the task's log.
# It ends with 0: succeeded; 65: no retry can mend this; `snooze SECONDS`: again later, no attempt is used; anything
# else: failed, to be retried. When the lease is lost or the task cancelled, it gets SIGTERM, then SIGKILL.

handle_count_words() {
  local text
  text=$(json /text)
  [[ $text ]] || { echo 'the payload has no text' >&2; return 65; }
  awk '{ n += NF } END { printf "{\"words\": %d}", n }' <<<"$text"
}

handle_countdown() { # long work: it tells how far it is
  local payload steps seconds step
  payload=$(cat)
  steps=$(json /steps <<<"$payload") seconds=$(json /seconds <<<"$payload")
  for ((step = 1; step <= steps; step++)); do
    sleep "$seconds"
    progress "$(awk -v a="$step" -v b="$steps" 'BEGIN { print a / b }')" "$step of $steps"
    echo "step $step" >&2
  done
  printf '{"steps": %d}' "$steps"
}

handle_unsteady() { # fails as often as it is told to, then succeeds
  ((ATTEMPT > $(json /failures))) || { echo "attempt $ATTEMPT was not to be" >&2; return 1; }
  printf '{"attempt": %d}' "$ATTEMPT"
}

handle_not_before() { # not ready yet is no failure
  local left
  left=$(awk -v at="$(json /at)" -v now="$(date +%s)" 'BEGIN { print at - now }')
  [[ $left == -* || $left == 0 ]] || snooze "$left"
  printf '{"late_seconds": %s}' "${left#-}"
}

KINDS=(count_words countdown unsteady not_before)

progress() { printf '{"value": %s, "message": %s}' "$1" "$(json_string "${2:0:1000}")" >"$JOB/progress.new" && mv "$JOB/progress.new" "$JOB/progress"; }
snooze() { echo "$1" >"$JOB/snooze"; exit 75; }

# shellcheck source=json.sh
source "${BASH_SOURCE%/*}/json.sh" # json, json_quoted, json_string, json_list

# --- One service at several addresses: whoever fails is left for the next.

IFS=, read -ra ADDRESSES <<<"${PGQ_API_URLS:-http://127.0.0.1:8000}"
IFS=, read -ra QUEUES <<<"${PGQ_QUEUES:-default}"
NAME=${PGQ_WORKER_NAME:-$(uname -n)-$$}
SLOTS=${PGQ_CONCURRENCY:-4}
WAIT_SECONDS=20
STATE=$(mktemp -d) && mkdir "$STATE/jobs" || exit 1
trap 'rm -rf "$STATE"' EXIT

say() { printf '%(%FT%T)T %s\n' -1 "$*" >&2; }

jitter() { # about so many seconds: a fleet must not come as one
  sleep "$(awk -v s="$1" -v r="$RANDOM" 'BEGIN { print s * (0.5 + r / 32768) }')"
}

authorization() { # read anew each time: a file may be replaced while the worker runs. Not an argument: ps shows those
  local token=${PGQ_TOKEN:-}
  [[ -z ${PGQ_TOKEN_FILE:-} ]] || token=$(<"$PGQ_TOKEN_FILE")
  [[ -z $token ]] || echo "Authorization: Bearer $token"
}

# call METHOD PATH SECONDS <BODY: the answer's body, and its status in a last line. Fails, after a pause, when the request
# is to be sent again; then it goes to the next address.
call() {
  local turn=0 failures=0 url reply status pause=0
  read -r turn failures 2>/dev/null <"$STATE/turn"
  url=${ADDRESSES[turn % ${#ADDRESSES[@]}]%/}$2
  # One timeout for all of it: also an address that accepts and then falls silent must be left.
  reply=$(curl --disable --silent --show-error --request "$1" --connect-timeout 5 --max-time "$3" \
    --header @<(authorization) --header 'Content-Type: application/json' --data-binary @- \
    --write-out '\n%{http_code} %header{retry-after}' "$url" 2>"$STATE/curl.$BASHPID")
  read -r status pause <<<"${reply##*$'\n'}"
  if ((status != 429 && status >= 200 && status < 500)); then
    ((failures == 0)) || echo "$turn 0" >"$STATE/turn"
    printf '%s\n%s' "${reply%$'\n'*}" "$status"
    return 0
  fi
  say "$1 $url: $status $(<"$STATE/curl.$BASHPID")"
  echo "$((turn + 1)) $((failures + 1))" >"$STATE/turn"
  # The first round is quick: most likely the next address is fine.
  [[ $pause =~ ^[0-9]+$ ]] || pause=0
  jitter "$(awk -v f="$failures" -v n="${#ADDRESSES[@]}" -v pause="$pause" \
    'BEGIN { s = 0.1 * 2 ^ int((f + 1) / n); if (s > 3) s = 3; print s > pause ? s : pause }')"
  return 1
}

insist() { # until it is answered. Right for what may be repeated: all but claims
  local body
  body=$(cat)
  until call "$1" "$2" 10 <<<"$body"; do :; done
}

status_of() { echo "${1##*$'\n'}"; }

# --- A worker's life.

register() { # repeated when no answer came: a name without a heartbeat is forgotten after 15 s
  local reply
  reply=$(insist POST /v1/workers <<<"{\"name\": $(json_string "$NAME"), \"queues\": [$(json_list "${QUEUES[@]}")], \"kinds\": [$(json_list "${KINDS[@]}")]}")
  if [[ $(status_of "$reply") != 201 ]]; then # a token without rights: waiting does not mend that
    say "could not register: $reply"
    exit 1
  fi
  WORKER=/v1/workers/$(json /id <<<"$reply")
  LEASE_SECONDS=$(json /lease_seconds <<<"$reply") HEARTBEAT_SECONDS=$(json /heartbeat_seconds <<<"$reply")
  say "worker ${WORKER##*/} serves ${QUEUES[*]}"
}

accept() { # accept <TASK: a folder for it, and a process
  local task job field
  task=$(cat)
  job=$STATE/jobs/$(json /id <<<"$task").$(json /lease_epoch <<<"$task") # we may get a task again that we have lost
  mkdir "$job"
  echo "$SECONDS" >"$job/renewed"
  echo "$SECONDS" >"$job/started"
  json /payload <<<"$task" >"$job/payload"
  for field in kind attempt timeout_seconds; do json "/$field" <<<"$task" >"$job/$field"; done
  : >"$job/log"
  echo 0 >"$job/told"
  run "$job" &
}

run() { # one attempt, and its outcome told until it is heard
  local kind code verb outcome why
  JOB=$1 ATTEMPT=$(<"$1/attempt") kind=$(<"$1/kind")
  trap - EXIT TERM INT
  if [[ " ${KINDS[*]} " == *" $kind "* ]]; then
    set -m # a process group of its own, so that what it starts is stopped with it
    ("handle_$kind" <"$JOB/payload" >"$JOB/result" 2>"$JOB/log") &
    echo "$!" >"$JOB/pid"
    wait "$!"
    code=$?
    set +m
  else
    code=65
    echo "this worker has no handler for $kind" >"$JOB/log"
  fi
  why=$(cat "$JOB/stopped" 2>/dev/null)
  case $code in
    0) verb=complete outcome="\"result\": $(<"$JOB/result")" ;; # none is no JSON, and will be refused
    75) verb=snooze outcome="\"delay_seconds\": $(<"$JOB/snooze")" ;;
    *)
      verb=fail
      outcome="\"error\": {\"type\": \"ExitCode$code\", \"message\": $(json_string "${why:-$(tail -n 1 "$JOB/log")}")}"
      outcome+=", \"retry\": $([[ $code == 65 ]] && echo false || echo true)"
      ;;
  esac
  [[ $why == lost ]] || settle "$verb" "$outcome" # of a lost task there is nothing to tell: it is somebody else's
  rm -rf "$JOB"
  echo >&3 # the slot is free
}

settle() { # settle VERB OUTCOME. The lease is kept meanwhile: the folder is still there
  local job=${JOB##*/} id epoch reply
  id=${job%.*} epoch=${job#*.}
  [[ ! -s $JOB/log && ! -s $JOB/progress ]] || beat "$JOB" # last words, while the lease is ours
  reply=$(insist POST "$WORKER/tasks/$id/$1" <<<"{\"lease_epoch\": $epoch, $2}")
  if [[ $1 == complete && $(status_of "$reply") =~ ^4(00|13|22)$ ]]; then
    # The result cannot be kept: too large, not JSON that PostgreSQL takes. That is a bug; a retry repeats it.
    reply=$(insist POST "$WORKER/tasks/$id/fail" <<<"{\"lease_epoch\": $epoch, \"retry\": false,
      \"error\": {\"type\": \"ResultRefused\", \"message\": $(json_string "${reply:0:1000}")}}")
  fi
  # 409, 404: the lease is lost and somebody else has the task; what we did is dropped.
  [[ $(status_of "$reply") == 200 ]] || say "$1 $id: $reply"
}

stop_job() { # stop_job JOB WHY: first politely, at the next heartbeat not any more
  local how=TERM
  [[ ! -e $1/stopped ]] || how=KILL
  echo "$2" >"$1/stopped"
  [[ ! -s $1/pid ]] || kill "-$how" -- "-$(<"$1/pid")" 2>/dev/null
}

beat() { # beat JOB…: renew their leases, with what their handlers have said; fails when that was not answered
  local job tasks='' before lines reply id asked_at=$SECONDS
  local -A told=()
  for job; do
    id=${job##*/}
    before=$(<"$job/told") && lines=$(wc -l <"$job/log") || continue # it has just ended, and its folder is gone
    ((lines <= before + 1000)) || lines=$((before + 1000)) # a heartbeat takes no more
    told[$job]=$lines
    tasks+="${tasks:+, }{\"id\": \"${id%.*}\", \"lease_epoch\": ${id#*.}"
    ((lines <= before)) ||
      tasks+=", \"log\": [$(sed -n "$((before + 1)),${lines}p" "$job/log" | json_quoted '{"n": #, "message": "' ', ' '"}' "$before")]"
    [[ ! -s $job/progress ]] || tasks+=", \"progress\": $(<"$job/progress")"
    tasks+='}'
  done 2>/dev/null
  # No longer than until the next one is due: a silent address must not cost the leases.
  reply=$(call POST "$WORKER/heartbeat" "$HEARTBEAT_SECONDS" <<<"{\"tasks\": [$tasks]}")
  case $(status_of "$reply") in
    200) ;;
    '') return 1 ;;
    *) say "heartbeat: $reply"; return 0 ;;
  esac
  for job in "${!told[@]}"; do
    id=${job##*/} id=${id%.*}
    echo "${told[$job]}" >"$job/told"
    if [[ $(json /lost <<<"$reply") == *"\"$id\""* ]]; then
      stop_job "$job" lost
    elif [[ $(json /not_renewed <<<"$reply") != *"\"$id\""* ]]; then
      echo "$asked_at" >"$job/renewed"
    fi
    [[ $(json /cancel <<<"$reply") != *"\"$id\""* ]] || stop_job "$job" cancelled
  done 2>/dev/null
  return 0
}

beat_for_ever() { # also without a task: the heartbeat is what says that this worker lives
  local job jobs next=0
  trap - EXIT TERM INT
  shopt -s nullglob
  while kill -0 $$ 2>/dev/null; do # $$: the main process
    sleep 1
    ((SECONDS >= next)) || continue
    jobs=("$STATE"/jobs/*)
    beat "${jobs[@]}" && next=$((SECONDS + ${HEARTBEAT_SECONDS%.*})) # else at once to the next address
    for job in "${jobs[@]}"; do
      [[ -e $job/renewed ]] || continue
      # Nobody could be reached for most of a lease: the task may be somebody else's by now.
      ((SECONDS - $(<"$job/renewed") <= ${LEASE_SECONDS%.*} * 85 / 100)) || stop_job "$job" lost
      ((SECONDS - $(<"$job/started") <= $(cut -d. -f1 "$job/timeout_seconds"))) || stop_job "$job" 'timed out'
    done 2>/dev/null
  done
  # The main process was killed: leave in its name. That ends its long poll, too, which might take tasks that nobody runs.
  leave
  rm -rf "$STATE"
}

leave() { # hands back what we still hold: no attempt is lost, and nobody has to wait for a lease to run out
  local job
  for job in "$STATE"/jobs/*; do stop_job "$job" lost; done
  call DELETE "$WORKER" 5 </dev/null >/dev/null || call DELETE "$WORKER" 5 </dev/null >/dev/null
}

take_slot() { # take_slot [now]: a free one, if there is one. `read -t 1` would lose the line that comes as its time ends
  if read -r -t 0 -u 3; then read -r -u 3 _; return; fi
  [[ ${1:-} ]] || sleep 0.2
  return 1
}

claim_for_ever() { # until told to stop (0), or not known any more (4)
  local free reply task i
  trap - EXIT TERM INT
  while [[ ! -e $STATE/stopping ]] && kill -0 $$; do
    take_slot || continue
    free=1
    while take_slot now; do ((free++)); done
    # The server holds the question until there is a task. Not insisted on: an answer that got lost may have held tasks.
    # Their leases run out, and they run again.
    reply=$(call POST "$WORKER/claim" $((WAIT_SECONDS + 10)) <<<"{\"limit\": $free, \"wait_seconds\": $WAIT_SECONDS}")
    case $(status_of "$reply") in
      200)
        for ((i = 0; ; i++)); do
          task=$(json "/tasks/$i" <<<"$reply")
          [[ $task ]] || break
          accept <<<"$task"
          ((free--))
        done
        [[ $(json /draining <<<"$reply") != true ]] || : >"$STATE/stopping"
        ((i > 0)) || sleep 0.1 # a service that is stopping answers at once: no busy loop with it
        ;;
      404) return 4 ;;
      '') ;; # nobody answered; the pause has been made
      *)
        say "claim: $reply" # refused: 401 while a token is replaced, say
        jitter 3
        ;;
    esac
    for (( ; free > 0; free--)); do echo >&3; done
  done
}

# The main process does little but wait: a trap is run between commands, and bash 5.2 stumbles over one inside of $(…).
stopping=''
trap 'stopping=yes' TERM INT
mkfifo "$STATE/slots" && exec 3<>"$STATE/slots" # a line for each free slot
for ((i = 0; i < SLOTS; i++)); do echo >&3; done

register
beat_for_ever &
beating=$!
claim_for_ever &
claiming=$!
[[ $stopping ]] || wait "$claiming"
if (($? == 4)); then # what we hold is lost, and we begin again
  kill "$beating"
  for job in "$STATE"/jobs/*; do stop_job "$job" lost; done
  rm -rf "$STATE"
  exec "$BASH" "$0"
fi
say 'draining'
: >"$STATE/stopping"
# This ends our long poll, too. To cut it off here could lose a task that is on its way to us.
insist POST "$WORKER/drain" <<<'{}' >/dev/null
wait "$claiming"
deadline=$((SECONDS + ${PGQ_GRACE_SECONDS:-25}))
for ((free = 0; free < SLOTS && SECONDS < deadline; )); do
  ! take_slot || ((++free))
done
kill "$beating"
((free == SLOTS)) || say "$((SLOTS - free)) tasks are not finished; others run them"
leave
