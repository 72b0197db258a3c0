// Takes everything of ours off the machine: containers, mounts and files of pods, links, routes, rules.
import type { ContainerRuntime } from "@coxswain/container-runtime";
import type { PodCgroups } from "./io/cgroup/pod-cgroups.ts";
import type { ManagedPodNetwork } from "./io/net/pod-network.ts";
import type { Sentry } from "./io/node/sentry.ts";
import type { Volumes } from "./ports.ts";

export async function clearMachine(ports: {
  readonly runtime: ContainerRuntime;
  readonly network: ManagedPodNetwork;
  readonly volumes: Volumes;
  readonly cgroups?: Pick<PodCgroups, "clear"> | undefined;
  readonly sentry?: Pick<Sentry, "dismiss">;
}): Promise<void> {
  await ports.network.detachAll?.();
  const present = await ports.runtime.list();
  await Promise.all(
    present
      .filter((summary) => summary.kind === "container")
      .map((summary) => ports.runtime.removeContainer(summary.id)),
  );
  await Promise.all(
    present
      .filter((summary) => summary.kind === "sandbox")
      .map((summary) => ports.runtime.removePodSandbox(summary.id)),
  );
  for (const uid of await ports.volumes.podUids()) await ports.volumes.remove(uid);
  await ports.cgroups?.clear();
  await ports.network.remove();
  await ports.sentry?.dismiss();
}
