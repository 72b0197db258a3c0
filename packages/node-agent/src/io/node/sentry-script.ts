// The sentry's whole program: a shell's, so that it takes a megabyte, outlives the agent and needs neither Node nor the engine. It ends processes by
// the kernel's lists of what is in a container's cgroup, wherever the engine has put it. `sentry.ts` feeds it.
//
// $1: the directory with `containers` (ids, one a line), `deadline` (seconds since the machine started) and `pid`; $2: where cgroups are;
// $3: how many seconds it sleeps at most.

export const sentryName = "coxswain-sentry";

/** It leaves the agent a second, which ends pods with more manners; then SIGTERM to all, and two seconds later SIGKILL. */
export const sentryScript = `
set -u
# What the agent had open, locks of whoever started it among them, is none of ours.
exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
members() {
  while read -r id; do
    [ "\${#id}" -eq 64 ] || continue
    case $id in *[!0-9a-f]*) continue ;; esac
    find "$2" -path "*$id*" -name cgroup.procs -exec cat {} +
  done < "$1/containers" 2> /dev/null | sort -un
}
# Processes of another namespace are listed as 0, which would mean ourselves.
end() { for pid in $2; do if [ "$pid" -gt 1 ]; then kill -s "$1" "$pid"; fi; done; }
echo $$ > "$1/pid"
while [ -s "$1/containers" ] && read -r newest < "$1/pid" && [ "$newest" = $$ ]; do
  read -r up rest < /proc/uptime
  deadline=0
  read -r deadline rest < "$1/deadline"
  case $deadline in '' | *[!0-9]*) deadline=0 ;; esac
  left=$((deadline + 1 - \${up%.*}))
  if [ "$left" -le 0 ]; then
    found=$(members "$1" "$2")
    if [ -n "$found" ]; then
      end TERM "$found"
      sleep 2
      end KILL "$(members "$1" "$2")"
    fi
    left=1
  fi
  if [ "$left" -gt "$3" ]; then left=$3; fi
  sleep "$left"
done
`;
