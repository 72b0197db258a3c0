// The agent's certificates as files, and the request for one against an API that is a table in memory.
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock as clock } from "@coxswain/clock";
import { createSimulatedClock } from "@coxswain/clock/testing";
import { createLogger } from "@coxswain/daemon";
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";
import type { Client } from "@coxswain/client";
import { createAuthority, openAuthority, parseCertificateRequest } from "@coxswain/pki";
import { afterAll, expect, test } from "vitest";
import { servingSigner } from "./ask.ts";
import { createCertificateKeeper } from "./keeper.ts";
import { createPairFile } from "./pair-file.ts";
import { establishServing } from "./serving.ts";

const directory = mkdtempSync(join(tmpdir(), "coxswain-certificates-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** Signs every request of the API's only resource at once, for a minute; denies the first when told to. */
async function signingApi(denyFirst: boolean): Promise<{ client: Pick<Client, "resource">; asked: unknown[] }> {
  const authority = await openAuthority(await createAuthority("kubernetes-ca", 3_600_000, clock), clock);
  const made = new Map<string, ApiObject>();
  const asked: unknown[] = [];
  const api = {
    async create(object: DeepReadonly<ApiObject> & { readonly spec?: Readonly<Record<string, unknown>> }) {
      const name = `csr-${made.size}`;
      const { request, ...spec } = object.spec ?? {};
      const parsed = parseCertificateRequest(Buffer.from(String(request), "base64").toString());
      asked.push({ ...spec, commonName: parsed.commonName, hosts: [...parsed.dnsNames, ...parsed.ipAddresses] });
      const status =
        denyFirst && made.size === 0
          ? { conditions: [{ type: "Denied", status: "True", reason: "No", message: "not you" }] }
          : {
              certificate: Buffer.from(
                await authority.sign({
                  request: parsed,
                  extendedUsages: ["1.3.6.1.5.5.7.3.1"],
                  enciphersKeys: false,
                  validityMs: 60_000,
                }),
              ).toString("base64"),
            };
      const csr = { apiVersion: "certificates.k8s.io/v1", kind: "X", metadata: { name }, status };
      made.set(name, csr);
      return csr;
    },
    get: async ({ name }: { readonly name: string }) => made.get(name),
  };
  return { client: { resource: () => api } as never, asked };
}

test("a self-signed certificate is replaced by a signed one, which is renewed when its share of life has passed", async () => {
  const nowMs = clock.now();
  const simulated = createSimulatedClock(nowMs);
  const settings = { nodeName: "a", given: undefined, directory, rotate: true };
  const serving = await establishServing(settings, ["a", "10.0.0.1"], simulated);
  const subject = (): string => new X509Certificate(readFileSync(serving.certFile)).subject;
  expect(subject()).toMatch(/^CN=a@\d+$/);
  const file = createPairFile(directory, "kubelet-server", simulated);
  const { client, asked } = await signingApi(true);
  let renewals = 0;
  const aborter = new AbortController();
  const wanted = { commonName: "system:node:a", organizations: ["system:nodes"], hosts: ["a", "10.0.0.1"] };
  const running = createCertificateKeeper(
    { signer: servingSigner, share: 0.33, wanted: () => Promise.resolve(wanted) },
    {
      ...{ client, clock: simulated, log: createLogger("test", "error"), file },
      renewed: () => Promise.resolve(void (renewals += 1)),
      endsAt: () => undefined,
    },
  ).run(aborter.signal);
  // The first request is denied; five seconds later the next is not.
  await expect.poll(() => asked.length, { timeout: 10_000 }).toBe(1);
  await expect.poll(() => simulated.advance(5_000).then(() => renewals), { timeout: 10_000 }).toBe(1);
  expect(subject()).toBe("O=system:nodes\nCN=system:node:a");
  // Backdated by five minutes and living for one more: a third of that life is past already, so the next one follows at the next look.
  await expect.poll(() => simulated.advance(60_000).then(() => renewals), { timeout: 10_000 }).toBeGreaterThan(1);
  aborter.abort();
  await running;
  expect(asked[0]).toEqual({
    signerName: "kubernetes.io/kubelet-serving",
    usages: ["digital signature", "server auth"],
    commonName: "system:node:a",
    hosts: ["a", "10.0.0.1"],
  });
  const pair = readFileSync(file.path);
  expect(() => createSecureContext({ cert: pair, key: pair })).not.toThrow();
  expect(readdirSync(directory).filter((name) => name.startsWith("kubelet-server-2")).length).toBeLessThanOrEqual(3);
});
