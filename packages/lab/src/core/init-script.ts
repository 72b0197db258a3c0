// The first process of a machine, as a shell script: it makes the machine's own view of the system and then only reaps.
// It runs in namespaces of its own (mounts, host name, processes, network, IPC, cgroups). When it is killed, the kernel
// ends everything in the machine: it is the power switch.

export interface InitScriptInput {
  readonly name: string;
  readonly directory: string;
  readonly dockerSocket: string;
  /** The packet filter's commands are those that were there before nf_tables, with their lock. */
  readonly legacyIptables: boolean;
}

export function initScript({ name, directory, dockerSocket, legacyIptables }: InitScriptInput): string {
  return `#!/bin/sh
set -e
dir=${quote(directory)}
# The process table that is mounted here is still that of the computer: this is the number that others know us by.
read -r pid rest < /proc/self/stat
echo ${quote(name)} > /proc/sys/kernel/hostname

# What is volatile is the machine's own: locks, sockets, and no way to the computer's Docker.
resolver=$(readlink -f /etc/resolv.conf || echo /etc/resolv.conf)
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock
ln -s ${quote(dockerSocket)} /run/docker.sock
case $resolver in /run/*) mkdir -p "$(dirname "$resolver")"; touch "$resolver" ;; esac
for file in hostname hosts; do [ ! -e /etc/$file ] || mount --bind "$dir/$file" /etc/$file; done
[ ! -e "$resolver" ] || mount --bind "$dir/resolv.conf" "$resolver"

mount -t sysfs sysfs /sys
mount -t proc proc /proc
# Control groups as seen from the machine's own root.
if grep -qv '^0:' /proc/self/cgroup; then
  mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
  while IFS=: read -r number controllers path; do
    case $controllers in
      "") mkdir /sys/fs/cgroup/unified; mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified ;;
      name=*) mkdir "/sys/fs/cgroup/\${controllers#name=}"; mount -t cgroup -o "none,$controllers" cgroup "/sys/fs/cgroup/\${controllers#name=}" ;;
      *) mkdir "/sys/fs/cgroup/$controllers"; mount -t cgroup -o "$controllers" cgroup "/sys/fs/cgroup/$controllers" ;;
    esac
  done < /proc/self/cgroup
else
  # Version 2 gives controllers only to groups below one without processes: we go where there are none below. Who began us follows.
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  mkdir -p /sys/fs/cgroup/system
  echo 1 > /sys/fs/cgroup/system/cgroup.procs
fi
ip link set lo up
${legacyIptables ? 'mount --bind "$(readlink -f "$(command -v iptables-legacy)")" "$(readlink -f "$(command -v iptables)")"' : ""}
# As on any machine: what is mounted by one program is seen by the others, the engine and its containers included. It stays inside.
mount --make-rshared /

echo "$pid" > "$dir/init.pid"
echo ready
exec > /dev/null 2>&1 < /dev/null
while :; do sleep 2147483647 & wait || :; done
`;
}

/** Joins the machine's groups, then becomes the command. Arguments: the groups, "--", the command. */
export const joinScript = 'while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs"; shift; done; shift; exec "$@"';

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
