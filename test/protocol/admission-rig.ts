// What tests of admission share: a control plane, a real webhook server over TLS, and ways to ask both. A test file has one of each.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { expect } from "vitest";
import type { Answer, ControlPlane, ControlPlaneOptions } from "./control-plane.ts";
import { startControlPlane } from "./control-plane.ts";

export interface Review {
  readonly request: {
    readonly uid: string;
    readonly operation: string;
    readonly name?: string;
    readonly namespace?: string;
    readonly subResource?: string;
    readonly dryRun: boolean;
    readonly kind: object;
    readonly resource: object;
    readonly requestKind: object;
    readonly userInfo: { readonly username: string; readonly groups: readonly string[] };
    readonly object: { readonly metadata: { readonly name: string }; readonly [member: string]: unknown } | null;
    readonly oldObject: object | null;
    readonly options: object | null;
    readonly desiredAPIVersion: string;
    readonly objects: readonly { readonly apiVersion: string; readonly [member: string]: unknown }[];
  };
}
export type Hook = (review: Review, answer: (response: object) => void) => void;

export interface AdmissionRig extends AsyncDisposable {
  readonly plane: ControlPlane;
  /** Where webhooks are, and whom to believe for that. */
  readonly url: string;
  readonly caBundle: string;
}

let plane: ControlPlane;
let url: string;
let caBundle: string;
/** By path. */
export const hooks = new Map<string, Hook>();
export const asked: { readonly path: string; readonly review: Review }[] = [];

export async function startAdmission(options: ControlPlaneOptions = {}): Promise<AdmissionRig> {
  plane = await startControlPlane(options);
  const { cert, key } = plane.pki.files("test", "apiserver");
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, answerHook);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  caBundle = plane.tls.ca.toString("base64");
  return {
    plane,
    url,
    caBundle,
    async [Symbol.asyncDispose]() {
      await plane[Symbol.asyncDispose]();
      server.closeAllConnections();
      server.close();
    },
  };
}

const answerHook: Parameters<typeof createServer>[1] = (request, response) => {
  const pieces: Buffer[] = [];
  request.on("data", (piece: Buffer) => pieces.push(piece));
  request.on("end", () => {
    const review = JSON.parse(Buffer.concat(pieces).toString()) as Review & { apiVersion: string; kind: string };
    const path = (request.url ?? "").split("?")[0] ?? "";
    asked.push({ path, review });
    const answer = (body: object): void => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ apiVersion: review.apiVersion, kind: review.kind, response: body }));
    };
    const found = hooks.get(path);
    if (found) found(review, answer);
    else response.writeHead(500).end("no such hook");
  });
};

export const must = (line: string, input?: unknown): Promise<string> =>
  plane.must(line.split(" "), input === undefined ? undefined : JSON.stringify(input));
export const refused = async (line: string, input?: unknown): Promise<string> => {
  const { code, stderr } = await plane.kubectl(
    line.split(" "),
    input === undefined ? undefined : JSON.stringify(input),
  );
  expect([line, code]).toEqual([line, 1]);
  return stderr;
};
export const maps = "/api/v1/namespaces/default/configmaps";
export const map = (name: string, data: object = {}, labels: object = {}): object => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, labels },
  data,
});
export const post = (path: string, body: unknown): Promise<Answer> => plane.call("POST", path, { body });
export const message = async (answer: Promise<Answer>): Promise<readonly [number, string]> => {
  const { status, body } = await answer;
  return [status, body.message];
};

/** Asks until admission knows of a change of its configuration: the answer to a dry run is as wanted. */
export async function settled(path: string, body: unknown, isReady: (answer: Answer) => boolean): Promise<void> {
  await expect
    .poll(async () => isReady(await post(`${path}?dryRun=All`, body)), { timeout: 20_000, interval: 30 })
    .toBe(true);
}

export function configuration(kind: "Mutating" | "Validating", name: string, ...webhooks: readonly object[]): object {
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: `${kind}WebhookConfiguration`,
    metadata: { name },
    webhooks: webhooks.map((hook) => ({
      sideEffects: "None",
      admissionReviewVersions: ["v1"],
      rules: [{ apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"], operations: ["CREATE", "UPDATE"] }],
      ...hook,
    })),
  };
}

export const hook = (path: string, more: object = {}): object => ({
  name: `${path.slice(1)}.example.com`,
  clientConfig: { url: `${url}${path}`, caBundle },
  ...more,
});
export const patching =
  (...operations: readonly object[]): Hook =>
  ({ request: { uid } }, answer) =>
    answer({
      uid,
      allowed: true,
      patchType: "JSONPatch",
      patch: Buffer.from(JSON.stringify(operations)).toString("base64"),
    });

export const policy = (name: string, spec: object): object => ({
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingAdmissionPolicy",
  metadata: { name },
  spec: {
    matchConstraints: {
      ...rules(["configmaps"]),
      ...matching(name),
    },
    ...spec,
  },
});
export const rules = (resources: readonly string[]): object => ({
  resourceRules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources }],
});
export const binding = (name: string, spec: object): object => ({
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingAdmissionPolicyBinding",
  metadata: { name: `${name}-binding` },
  spec: { policyName: name, validationActions: ["Deny"], ...spec },
});
export const matching = (name: string): object => ({ objectSelector: { matchLabels: { ask: name } } });
export const apply = async (...objects: readonly object[]): Promise<void> => {
  for (const object of objects) await must("create -f -", object);
};
