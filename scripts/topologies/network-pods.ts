// The network's daemons as pods: a cluster on which no machine runs a proxy or a DNS server of its own gets both from deploy/manifests,
// and afterwards its own again. Nothing of the one is left when the other is to be shown.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ComposeLab, Outcome } from "../cluster/compose-lab.ts";
import { Failure } from "../cluster/failure.ts";
import { projectRoot } from "../cluster/layout.ts";
import { smoke, until } from "./smoke.ts";

const ofMaster = "10.0.0.11";
const nobodysProxy = "service.kubernetes.io/service-proxy-name";
const longMs = 120_000;

/** The demo of the smoke test runs already. */
export async function networkInPods(lab: ComposeLab, master: string, names: readonly string[], runners = names) {
  const manifest = (name: string): string =>
    readFileSync(join(projectRoot, "deploy", "manifests", `${name}.yaml`), "utf8");
  const inSystem = (...args: readonly string[]): Promise<string> => lab.must(master, ["-n", "kube-system", ...args]);
  const everywhere = async (work: (name: string) => Promise<unknown>): Promise<void> =>
    void (await Promise.all(names.map(work)));

  const role = (name: string) => (name === master ? "master" : "worker");
  await everywhere(async (name) => {
    lab.prepare(name, role(name), { COXSWAIN_WITHOUT: "proxy,dns" });
    must(await lab.compose(name, ["up", "-d", "--scale", "proxy=0", "--scale", "dns=0"]));
    for (const daemon of ["proxy", "dns"])
      must(await lab.compose(name, ["run", "--rm", "--no-deps", daemon, daemon, "--cleanup"]));
    const rest = /KUBE-SVC-|coxdns0/.exec(await rulesAndLinks(lab, name));
    if (rest) throw new Failure(`${name} has neither proxy nor DNS server, but ${rest[0]}`);
  });
  const address = await lab.must(master, ["-n", "demo", "get", "service", "web", "-o", "jsonpath={.spec.clusterIP}"]);
  if ((await ask(lab, master, address)).stdout.includes("Ahoy"))
    throw new Failure(`${address} answers without any proxy`);

  await lab.must(
    master,
    ["apply", "-f", "-"],
    manifest("proxy").replaceAll(`https://${ofMaster}:`, `https://${lab.machine(master).address}:`),
  );
  await inSystem("rollout", "status", "daemonset/kube-proxy", "--timeout=100s");
  await until(`${address} answers by a proxy that is a pod`, longMs, async () =>
    (await ask(lab, master, address)).stdout.includes("Ahoy") ? true : undefined,
  );
  for (const name of names) {
    if (!(await rulesAndLinks(lab, name)).includes("KUBE-SVC-")) throw new Failure(`${name} has no rules`);
    const lease = ["-n", "kube-node-lease", "get", "lease", `proxy-${name}`, "-o", "jsonpath={.spec.holderIdentity}"];
    if ((await lab.must(master, lease)) !== name) throw new Failure(`the proxy of ${name} acknowledges nothing`);
  }

  await lab.must(master, ["apply", "-f", "-"], manifest("dns"));
  await inSystem("rollout", "status", "deployment/coredns", "--timeout=100s");
  await inSystem("label", "service", "kube-dns", `${nobodysProxy}-`);
  // By a name, at the DNS address, through the service: all of it is pods now.
  await smoke(lab, master, runners);
  await everywhere(async (name) => {
    const complaint = await until(`${name} complains of nothing that it does not have`, longMs, async () => {
      const { code, stdout } = await lab.cox(name, ["health"]);
      return code === 0 ? stdout : undefined;
    });
    if (complaint !== "ok\n") throw new Failure(`${name}: ${complaint}`);
  });

  await inSystem("label", "service", "kube-dns", `${nobodysProxy}=coxswain-node-dns`);
  await inSystem("delete", "deployment/coredns", "daemonset/kube-proxy", "--timeout=60s");
  await everywhere((name) => lab.up(name, role(name)));
  await smoke(lab, master, runners);
}

async function ask(lab: ComposeLab, master: string, address: string): Promise<Outcome> {
  const script = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${address} 80`;
  return lab.kubectl(master, ["-n", "demo", "exec", "deployment/web", "--", "sh", "-c", script]);
}

async function rulesAndLinks(lab: ComposeLab, name: string): Promise<string> {
  const [rules, links] = await Promise.all([lab.run(name, "iptables-save", []), lab.run(name, "ip", ["-br", "link"])]);
  return `${must(rules)}${must(links)}`;
}

function must({ code, stdout, stderr }: Outcome): string {
  if (code !== 0) throw new Failure(stderr.trim() || stdout.trim());
  return stdout;
}
