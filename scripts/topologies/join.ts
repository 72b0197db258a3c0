// How machines of a lab are let into a cluster: what a person copies from one machine's words to the next machine's .env.
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { ComposeLab } from "../cluster/compose-lab.ts";
import { Failure } from "../cluster/failure.ts";
import { livingVoters } from "./look.ts";
import { until } from "./smoke.ts";

export type Say = (text: string) => void;

export async function timed<T>(say: Say, what: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const result = await work();
  say(`${what}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  return result;
}

export async function joinWorkers(lab: ComposeLab, say: Say, master: string, names: readonly string[]): Promise<void> {
  const { COXSWAIN_CERTIFICATE_KEY: _key, ...invitation } = await lab.invitation(master);
  await Promise.all(
    names.map((name) =>
      timed(say, `worker ${name} joins`, async () => {
        await lab.up(name, "worker", invitation);
        await lab.whenReady(master, [name]);
      }),
    ),
  );
}

/** One after the other, as the store takes one learner at a time. */
export async function joinMasters(
  lab: ComposeLab,
  say: Say,
  master: string,
  names: readonly string[],
  more = {},
): Promise<void> {
  const invitation = await lab.invitation(master);
  for (const name of names)
    await timed(say, `master ${name} joins and votes`, async () => {
      const before = await livingVoters(lab, master);
      await lab.up(name, "master", { ...invitation, ...more });
      await lab.whenReady(master, [name]);
      await untilServing(lab, name);
      await until(`${name} votes`, 180_000, async () =>
        (await livingVoters(lab, master)) > before ? true : undefined,
      );
    });
}

export async function externalMasters(
  lab: ComposeLab,
  say: Say,
  servers: string,
  pki: string,
  names: readonly string[],
  more = {},
): Promise<void> {
  const [first = "", ...others] = names;
  const files = join(lab.directoryOf(first).data, "etcd-files");
  mkdirSync(files, { recursive: true });
  for (const [from, to] of [
    ["etcd-ca.crt", "ca.crt"],
    ["apiserver-etcd-client.crt", "client.crt"],
    ["apiserver-etcd-client.key", "client.key"],
  ] as const)
    copyFileSync(join(pki, from), join(files, to));
  await lab.up(first, "master-external-store", {
    COXSWAIN_ETCD_SERVERS: servers,
    COXSWAIN_ETCD_FILES: files,
    COXSWAIN_ETCD_CAFILE: join(files, "ca.crt"),
    COXSWAIN_ETCD_CERTFILE: join(files, "client.crt"),
    COXSWAIN_ETCD_KEYFILE: join(files, "client.key"),
    ...more,
  });
  await lab.whenReady(first, [first]);
  const invitation = await lab.invitation(first);
  for (const name of others)
    await timed(say, `master ${name} joins`, async () => {
      await lab.up(name, "master-external-store", {
        ...invitation,
        COXSWAIN_ETCD_FILES: join(lab.directoryOf(name).data, "etcd-files"),
      });
      await lab.whenReady(first, [name]);
    });
}

export async function freshInvitation(lab: ComposeLab, master: string): Promise<Readonly<Record<string, string>>> {
  const { stdout, stderr, code } = await lab.cox(master, ["invite"]);
  if (code !== 0) throw new Failure(stderr);
  const id = /COXSWAIN_TOKEN=([a-z0-9]{6})/.exec(stdout)?.[1] ?? "";
  await untilOffered(lab, master, id);
  return Object.fromEntries(
    [...stdout.matchAll(/(COXSWAIN_\w+)=(\S+)/g)].map(([, key = "", value = ""]) => [key, value]),
  );
}

/** The master's own API server is ready. */
export async function untilServing(lab: ComposeLab, name: string): Promise<void> {
  await until(`${name}'s API is ready`, 180_000, async () =>
    (await lab.kubectl(name, ["get", "--raw", "/readyz"])).code === 0 ? true : undefined,
  );
}

/** The master's keeper has put the token into the cluster. */
export async function untilOffered(lab: ComposeLab, master: string, id: string): Promise<void> {
  await until("the keeper offers the invitation", 180_000, async () =>
    (await lab.kubectl(master, ["-n", "kube-system", "get", "secret", `bootstrap-token-${id}`])).code === 0
      ? true
      : undefined,
  );
}
