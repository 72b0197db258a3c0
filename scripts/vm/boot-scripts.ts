// What runs in the virtual machine, as text: the first process of the boot image, which puts this machine's files below a layer in memory and makes
// what a running system has; and the command, with the way back for its exit code (the second serial port). Pure.
import type { Kernel } from "./kernel.ts";

export interface BootSettings {
  /** Undefined: a shell for the person at the terminal. */
  readonly command: readonly string[] | undefined;
  readonly workingDirectory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cgroups: 1 | 2;
  readonly systemd: boolean;
  /** Archives for an engine; none without one. */
  readonly images: readonly string[];
}

export function bootScript(kernel: Kernel, modules: readonly string[], settings: BootSettings): string {
  const first = settings.systemd
    ? "/lib/systemd/systemd --unit=vm.service --log-target=kmsg --show-status=0"
    : "/run/vm/run";
  return `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
fail() {
  echo "the machine does not come up: $*" > /dev/ttyS0
  echo o > /proc/sysrq-trigger
  sleep 60
}
for module in ${modules.join(" ")}; do
  insmod "/modules/$module" || fail "module $module"
done

mkdir /host /layer /new
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose host /host || fail "the files of this machine"
mount -t tmpfs -o mode=755 layer /layer
mkdir /layer/upper /layer/work
mount -t overlay -o lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work overlay /new || fail "the layer in memory"

mount -t proc proc /new/proc
mount -t sysfs sysfs /new/sys
mount -t devtmpfs dev /new/dev
mkdir -p /new/dev/pts /new/dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /new/dev/pts
mount -t tmpfs -o mode=1777 shm /new/dev/shm
ln -sf /proc/self/fd /new/dev/fd
for number in 0:stdin 1:stdout 2:stderr; do ln -sf "/proc/self/fd/\${number%:*}" "/new/dev/\${number#*:}"; done
mount -t tmpfs -o mode=755 run /new/run
mkdir -p /new/run/lock /new/run/vm
cp /vm/run /vm/command /bin/busybox /new/run/vm
${settings.systemd ? "mkdir -p /new/run/dbus /new/run/systemd/system; cp /vm/vm.service /vm/dbus.service /vm/dbus.socket /new/run/systemd/system" : ""}

mkdir -p /new/usr/lib/modules/${kernel.release}
mount --bind ${quote(`/host${kernel.modules}`)} /new/usr/lib/modules/${kernel.release} || fail "the modules"
# kmod's own reads indexes that only kmod writes.
ln -sf /run/vm/busybox /new/sbin/modprobe

hostname vm
ip link set lo up
stty -F /dev/ttyS0 -opost
${settings.systemd ? "" : cgroupMounts(settings.cgroups)}
exec switch_root /new ${first}
`;
}

/** As systemd would mount them. */
function cgroupMounts(version: 1 | 2): string {
  if (version === 2) return "mount -t cgroup2 -o nsdelegate,memory_recursiveprot cgroup2 /new/sys/fs/cgroup";
  return `mount -t tmpfs -o mode=755 cgroup /new/sys/fs/cgroup
for controller in $(sed '1d;s/\\t.*//' /proc/cgroups); do
  mkdir "/new/sys/fs/cgroup/$controller"
  mount -t cgroup -o "$controller" cgroup "/new/sys/fs/cgroup/$controller" || rmdir "/new/sys/fs/cgroup/$controller"
done
mkdir /new/sys/fs/cgroup/systemd
mount -t cgroup -o none,name=systemd cgroup /new/sys/fs/cgroup/systemd`;
}

/** Runs the command at the console, tells its exit code, and switches the machine off. */
export function runScriptText({ command, workingDirectory, environment, images }: BootSettings): string {
  const variables = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined ? [] : `export ${name}=${quote(value)}`,
  );
  return `#!/bin/sh
${variables.join("\n")}
ulimit -n 65536
cd ${quote(workingDirectory)}
${images.length === 0 ? "" : engine(images)}
${command === undefined ? atTerminal : throughPipe}
cat /run/vm/code > /dev/ttyS1
# Waits until all of it is written.
stty -F /dev/ttyS0 -opost
echo o > /proc/sysrq-trigger
sleep 60
`;
}

const atTerminal = `setsid --ctty --wait sh /run/vm/command < /dev/ttyS0 > /dev/ttyS0 2>&1
echo $? > /run/vm/code`;
/** Programs that would draw at a terminal write lines. */
const throughPipe = `{ sh /run/vm/command < /dev/null 2>&1; echo $? > /run/vm/code; } | cat > /dev/ttyS0`;

/** Its layers need a file system that is none of layers itself. */
function engine(images: readonly string[]): string {
  return `mount -t tmpfs -o mode=711 docker /var/lib/docker
dockerd > /run/docker.log 2>&1 &
engine=$!
until docker version > /dev/null 2>&1; do
  if ! kill -0 $engine; then
    tail -n 5 /run/docker.log > /dev/ttyS0
    break
  fi
  sleep 0.5
done
for image in ${images.map((image) => quote(image)).join(" ")}; do
  docker load --quiet --input "$image" > /run/docker-load.log 2>&1 || cat /run/docker-load.log > /dev/ttyS0
done`;
}

export function commandScript({ command }: BootSettings): string {
  if (command === undefined) return "stty opost; exec bash -i\n";
  const [only = "", ...rest] = command;
  return rest.length === 0 ? `${only}\n` : `exec ${command.map((word) => quote(word)).join(" ")}\n`;
}

export const commandUnit = `[Unit]
Description=The command for which this machine was made
DefaultDependencies=no
Wants=dbus.service
After=dbus.service

[Service]
Type=oneshot
ExecStart=/run/vm/run
TimeoutStartSec=infinity
OOMPolicy=continue
TasksMax=infinity
LimitNOFILE=1048576
`;

/** Without what a whole system would start before it. */
export const busService = `[Unit]
DefaultDependencies=no
Requires=dbus.socket

[Service]
Type=notify
ExecStart=/usr/bin/dbus-daemon --system --address=systemd: --nofork --nopidfile --systemd-activation
`;

export const busSocket = `[Unit]
DefaultDependencies=no

[Socket]
ListenStream=/run/dbus/system_bus_socket
`;

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
