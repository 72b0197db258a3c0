// Two controller managers on one API server, fighting for the lease for real: the leader is stopped in the middle of a rollout and let go
// on, then the other one is killed in the middle of the next. Registers tests; the rig is the caller's.
import { spawn } from "node:child_process";
import { expect, it } from "vitest";
import { eventually } from "./cluster.ts";
import type { Instance } from "./controllers-instance.ts";
import type { ControllersPlane } from "./controllers-plane.ts";

const quick = [
  "--leader-elect-lease-duration=5s",
  "--leader-elect-renew-deadline=4s",
  "--leader-elect-retry-period=1s",
];
const within = 60_000;
const leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";

export function duels(rig: () => ControllersPlane): void {
  const wait = <T>(what: string, look: () => Promise<T | undefined>): Promise<T> => eventually(what, within, look);
  const rolled = (replicas: number): Promise<unknown> =>
    wait(`${replicas} pods of the last template are ready`, async () => {
      const got = await rig().plane.call("GET", "/apis/apps/v1/namespaces/default/deployments/duel");
      const { metadata, status } = got.body as unknown as {
        readonly metadata: { readonly generation: number };
        readonly status: Readonly<Record<string, number | undefined>>;
      };
      const { observedGeneration, updatedReplicas, availableReplicas, replicas: all } = status;
      const isDone = observedGeneration === metadata.generation && updatedReplicas === replicas;
      return isDone && availableReplicas === replicas && all === replicas ? true : undefined;
    });
  const setImage = (image: string): Promise<string> =>
    rig().plane.must(["set", "image", "deployment/duel", `main=${image}`]);
  it("make no pod twice, whoever of them is killed or stopped in a rollout; who was stopped writes nothing more", async () => {
    const { first, plane } = rig();
    const second = await rig().withSecond();
    using seen = watchNames(plane.servers[0]?.kubeconfig ?? "");
    const made = (count: number): Promise<unknown> =>
      wait(`${count} pods were made`, async () => (seen.names.size >= count ? true : undefined));
    await apply(rig());
    await second.start(quick);
    await wait("the second stands by", async () => (asksForLease(second, 0) ? true : undefined));
    await rolled(4);

    await setImage("b");
    await made(5);
    first.signal("SIGSTOP");
    await rolled(4);
    expect(seen.names.size).toBe(8);
    const said = first.calls.length;
    first.signal("SIGCONT");
    await plane.must(["scale", "deployment", "duel", "--replicas=6"]);
    await wait("the first stands by", async () => (asksForLease(first, said) ? true : undefined));
    await rolled(6);
    expect(writesAfter(first, said)).toEqual([]);
    expect(seen.names.size).toBe(10);

    await setImage("c");
    await made(11);
    await second.end("SIGKILL");
    await rolled(6);
    expect(seen.names.size).toBe(16);
    await plane.must(["delete", "deployment", "duel"]);
  }, 180_000);
}

/** Four pods, of which one more may be there at a time and none be missing. */
function apply({ plane }: ControllersPlane): Promise<string> {
  const labels = { app: "duel" };
  const rollingUpdate = { maxSurge: 1, maxUnavailable: 0 };
  const template = { metadata: { labels }, spec: { containers: [{ name: "main", image: "a" }] } };
  const spec = { replicas: 4, selector: { matchLabels: labels }, strategy: { rollingUpdate }, template };
  const object = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "duel" }, spec };
  return plane.must(["apply", "-f", "-"], JSON.stringify(object));
}

/** The names of all pods there ever were, as a watch shows them. */
function watchNames(kubeconfig: string): Disposable & { readonly names: ReadonlySet<string> } {
  const names = new Set<string>();
  const args = ["--kubeconfig", kubeconfig, "get", "pods", "-l", "app=duel", "-w", "-o", "name"];
  const child = spawn("kubectl", args, { stdio: ["ignore", "pipe", "ignore"] });
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const lines = `${rest}${text}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) names.add(line);
  });
  return { names, [Symbol.dispose]: () => void child.kill() };
}

const asksForLease = ({ calls }: Instance, from: number): boolean =>
  calls.slice(from).some(({ method, path }) => method === "GET" && path.startsWith(leases));
const writesAfter = ({ calls }: Instance, from: number): readonly string[] =>
  calls
    .slice(from)
    .filter(({ method, path, status }) => method !== "GET" && !path.startsWith(leases) && status < 300)
    .map(({ method, path }) => `${method} ${path}`);
