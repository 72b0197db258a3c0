// What goes into the boot image of `npm run vm`, as far as it is text; the machine itself is on demand.
import { expect, test } from "vitest";
import { modulesInOrder } from "./boot-image.ts";
import { commandScript, runScriptText } from "./boot-scripts.ts";

test("modules come after what they need, each once", () => {
  const dependencies = [
    "kernel/fs/9p/9p.ko: kernel/net/9p/9pnet.ko kernel/fs/netfs.ko",
    "kernel/net/9p/9pnet_virtio.ko: kernel/net/9p/9pnet.ko kernel/drivers/virtio-ring.ko",
    "kernel/net/9p/9pnet.ko:",
    "kernel/fs/netfs.ko:",
    "kernel/drivers/virtio-ring.ko:",
    "",
  ].join("\n");
  expect(modulesInOrder(dependencies, ["virtio_ring", "9pnet_virtio", "9p"])).toEqual([
    "kernel/drivers/virtio-ring.ko",
    "kernel/net/9p/9pnet.ko",
    "kernel/net/9p/9pnet_virtio.ko",
    "kernel/fs/netfs.ko",
    "kernel/fs/9p/9p.ko",
  ]);
  expect(() => modulesInOrder(dependencies, ["overlay"])).toThrow("the kernel has no module overlay");
});

test("one word is a line for the shell, several are a command and its arguments", () => {
  const settings = {
    command: ["echo 'a' | wc"],
    workingDirectory: "/it's/here",
    environment: { PATH: "/bin", HOME: undefined },
    ...({ cgroups: 2, systemd: false, images: [] } as const),
  };
  expect(commandScript(settings)).toBe("echo 'a' | wc\n");
  expect(commandScript({ ...settings, command: ["echo", "it's"] })).toBe("exec 'echo' 'it'\\''s'\n");
  const script = runScriptText(settings);
  expect(script).toContain("export PATH='/bin'\nulimit");
  expect(script).toContain("\ncd '/it'\\''s/here'\n");
});
