// The audit log as a file and as events sent to a server, with a real control plane and a real webhook server: what is told of which request is its policy's to say.
// About 5 seconds.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AdmissionRig } from "./admission-rig.ts";
import {
  apply,
  asked,
  binding,
  configuration,
  hook,
  hooks,
  map,
  must,
  policy,
  startAdmission,
} from "./admission-rig.ts";
import type { ControlPlane } from "./control-plane.ts";

let rig: AdmissionRig;
let plane: ControlPlane;
const dir = mkdtempSync(join(tmpdir(), "coxswain-audit-"));
const log = join(dir, "audit.log");
const auditPolicy = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: RequestResponse, namespaces: [audited], resources: [{group: "", resources: [configmaps]}]}
- {level: Metadata, namespaces: [audited]}
`;
type Event = Readonly<Record<string, unknown>>;
/** What the events are sent to; it is out of order at first. */
const sent: Event[] = [];
let refusals = 0;
const receiver = createServer((request, response) => {
  const pieces: Buffer[] = [];
  request.on("data", (piece: Buffer) => pieces.push(piece));
  request.on("end", () => {
    const isRefused = refusals < 2;
    if (isRefused) refusals += 1;
    else sent.push(JSON.parse(Buffer.concat(pieces).toString()) as Event);
    response.writeHead(isRefused ? 503 : 200).end();
  });
});
beforeAll(async () => {
  writeFileSync(join(dir, "policy.yaml"), auditPolicy);
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const { port } = receiver.address() as AddressInfo;
  writeFileSync(
    join(dir, "webhook.yaml"),
    `{apiVersion: v1, kind: Config, current-context: it, contexts: [{name: it, context: {cluster: it}}],
      clusters: [{name: it, cluster: {server: "http://127.0.0.1:${port}/events"}}]}`,
  );
  const flags = [
    `--audit-policy-file=${join(dir, "policy.yaml")}`,
    `--audit-log-path=${log}`,
    `--audit-webhook-config-file=${join(dir, "webhook.yaml")}`,
    "--audit-webhook-batch-max-wait=100ms",
    "--audit-webhook-initial-backoff=50ms",
  ];
  rig = await startAdmission({ flags });
  ({ plane } = rig);
});
afterAll(async () => {
  await rig?.[Symbol.asyncDispose]();
  receiver.closeAllConnections();
  receiver.close();
  rmSync(dir, { recursive: true, force: true });
});

describe("the audit log", () => {
  const path = "/api/v1/namespaces/audited";
  const linesOf = (id: string): Event[] =>
    readFileSync(log, "utf8")
      .split("\n")
      .filter((line) => line.endsWith("}"))
      .map((line) => JSON.parse(line) as Event)
      .filter(({ auditID }) => auditID === id);
  /** What is told of a request that bears this name, once it is told. */
  const told = async (id: string, stages = 1): Promise<readonly Event[]> => {
    await expect.poll(() => linesOf(id).length, { timeout: 20_000, interval: 20 }).toBe(stages);
    return linesOf(id);
  };
  const ask = async (id: string, method: string, target: string, body?: object, more = {}): Promise<number> =>
    (await plane.call(method, `${path}/${target}`, { body, headers: { "audit-id": id, ...more } })).status;

  it("tells as much of each request as its policy wants", async () => {
    const labels = { "pod-security.kubernetes.io/audit": "restricted" };
    await must("create -f -", { apiVersion: "v1", kind: "Namespace", metadata: { name: "audited", labels } });
    expect(await ask("map", "POST", "configmaps", map("one", { said: "aloud" }))).toBe(201);
    expect(await told("map")).toMatchObject([
      {
        kind: "Event",
        apiVersion: "audit.k8s.io/v1",
        level: "RequestResponse",
        stage: "ResponseComplete",
        requestURI: `${path}/configmaps`,
        verb: "create",
        user: { username: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] },
        sourceIPs: ["127.0.0.1"],
        objectRef: { resource: "configmaps", namespace: "audited", name: "one", apiVersion: "v1" },
        responseStatus: { metadata: {}, code: 201 },
        requestObject: { kind: "ConfigMap", metadata: { name: "one" }, data: { said: "aloud" } },
        responseObject: { kind: "ConfigMap", metadata: { name: "one", uid: expect.any(String) as string } },
        annotations: { "authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": "" },
      },
    ]);
    const secret = { metadata: { name: "one" }, stringData: { key: "not to be told" } };
    expect(await ask("secret", "POST", "secrets", secret)).toBe(201);
    expect(await told("secret")).toMatchObject([{ level: "Metadata", objectRef: { resource: "secrets" } }]);
    expect(readFileSync(log, "utf8")).not.toMatch(/to be told|bm90IHRv/);
    expect(await ask("list", "GET", "configmaps?limit=5")).toBe(200);
    expect(await told("list")).toMatchObject([
      { verb: "list", responseObject: { kind: "ConfigMapList", items: [{ data: { said: "aloud" } }] } },
    ]);
    expect(await ask("watch", "GET", "configmaps?watch=true&timeoutSeconds=1")).toBe(200);
    expect((await told("watch", 2)).map(({ stage }) => stage)).toEqual(["ResponseStarted", "ResponseComplete"]);
  });

  it("is sent to a server as well, which has all of it once it is in order", async () => {
    const [line] = await told("map");
    const { kind: _kind, apiVersion: _version, ...item } = line ?? {};
    const itemsOf = (id: string): unknown[] =>
      sent.flatMap(({ items }) => items as Event[]).filter(({ auditID }) => auditID === id);
    await expect.poll(() => itemsOf("map"), { timeout: 20_000 }).toEqual([item]);
    await expect.poll(() => itemsOf("watch").length, { timeout: 20_000 }).toBe(2);
    expect(refusals).toBe(2);
    expect(sent[0]).toMatchObject({ kind: "EventList", apiVersion: "audit.k8s.io/v1", metadata: {} });
    expect((await plane.call("GET", "/metrics")).text).not.toMatch(/^apiserver_audit_error_total\{.*\} [1-9]/m);
  });

  it("tells who was refused, and why, and what admission has to say", async () => {
    expect(await ask("jane", "GET", "configmaps/one", undefined, { "impersonate-user": "jane" })).toBe(403);
    const why = 'User "jane" cannot get resource "configmaps"';
    expect(await told("jane")).toMatchObject([
      {
        impersonatedUser: { username: "jane", groups: ["system:authenticated"] },
        responseStatus: {
          status: "Failure",
          reason: "Forbidden",
          code: 403,
          message: expect.stringContaining(why) as string,
        },
        annotations: { "authorization.k8s.io/decision": "forbid" },
      },
    ]);
    await must("create -f -", {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "default", namespace: "audited" },
    });
    const pod = { metadata: { name: "web" }, spec: { containers: [{ name: "c", image: "i" }] } };
    let round = 0;
    await expect.poll(() => ask(`pod-${++round}`, "POST", "pods?dryRun=All", pod), { timeout: 20_000 }).toBe(201);
    expect((await told(`pod-${round}`))[0]?.["annotations"]).toMatchObject({
      "pod-security.kubernetes.io/enforce-policy": "privileged:latest",
      "pod-security.kubernetes.io/audit-violations": expect.stringContaining(
        'would violate PodSecurity "restricted:latest": unrestricted capabilities',
      ) as string,
    });
    hooks.set("/notes", ({ request: { uid } }, answer) =>
      answer({ uid, allowed: true, auditAnnotations: { seen: "yes" } }),
    );
    await apply(
      configuration("Validating", "notes", hook("/notes")),
      policy("noted", {
        validations: [{ expression: "object.metadata.name != 'noted'", message: "not so" }],
        auditAnnotations: [{ key: "name", valueExpression: "'of ' + object.metadata.name" }],
      }),
      binding("noted", { validationActions: ["Audit"] }),
    );
    const noted = map("noted", {}, { ask: "noted" });
    const failure = "validation.policy.admission.k8s.io/validation_failure";
    let annotations: unknown;
    for (round = 0; !JSON.stringify(annotations ?? {}).includes(failure) || asked.length === 0; round += 1) {
      expect(await ask(`noted-${round}`, "POST", "configmaps?dryRun=All", noted)).toBe(201);
      annotations = (await told(`noted-${round}`))[0]?.["annotations"];
    }
    expect(annotations).toMatchObject({
      "notes.example.com/seen": "yes",
      "noted/name": "of noted",
      [failure]: JSON.stringify([
        {
          message: "not so",
          policy: "noted",
          binding: "noted-binding",
          expressionIndex: 0,
          validationActions: ["Audit"],
        },
      ]),
    });
    await must("delete validatingwebhookconfiguration notes");
  });
});
