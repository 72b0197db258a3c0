// The official clients, unmodified: what they say about an API is what their users get. The Python client comes from Debian,
// the JavaScript client from its registry; kubectl has a file of its own.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  AppsV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  Watch,
} from "@kubernetes/client-node";
import type { KubernetesObject, V1ConfigMap, V1Deployment } from "@kubernetes/client-node";
import { run } from "../system/cluster.ts";
import type { ControlPlane } from "./control-plane.ts";
import { startControlPlane } from "./control-plane.ts";

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(() => plane?.[Symbol.asyncDispose]());

describe("the official Python client", () => {
  it("does all that people do with it", async () => {
    const script = join(dirname(fileURLToPath(import.meta.url)), "clients", "official_python.py");
    const { code, stdout, stderr } = await run("/usr/bin/python3", [script, plane.servers[0]?.kubeconfig ?? ""]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      creates_the_namespace: "Active",
      pages_through_a_list: [
        ["page-0", "page-1", "page-2", "page-3", "page-4", "page-5", "page-6"],
        [4, 1, null],
      ],
      selects_by_labels_and_fields: [7, ["page-3"]],
      watches_from_a_list: [
        ["ADDED", "seen", { k: "v" }],
        ["MODIFIED", "seen", { k: "w" }],
        ["DELETED", "seen", { k: "w" }],
      ],
      updates_and_conflicts: [409, "Conflict"],
      patches_in_every_way: [["c", "side"], 4, 4, 2, "app=web"],
      is_refused_in_kubernetes_terms: [
        [422, "Invalid"],
        [404, "NotFound"],
        [409, "AlreadyExists"],
        [404, "NotFound"],
        [400, "BadRequest"],
        [409, "Conflict"],
      ],
      deletes_answer_their_own_types: ["p", "Service", "python-client", "page-6"],
      runs_dry: [404, "NotFound"],
      generates_names: [true, 9, "gen-"],
      deletes_collections: 0,
      discovers_dynamically: ["b", "c"],
      creates_from_documents: 6,
      reads_every_listable_kind: true,
      asks_about_itself: [true, "1"],
    });
  });
});

describe("the official JavaScript client", () => {
  const namespace = "javascript-client";
  let config: KubeConfig;
  let core: CoreV1Api;
  beforeAll(async () => {
    config = new KubeConfig();
    config.loadFromFile(plane.servers[0]?.kubeconfig ?? "");
    core = config.makeApiClient(CoreV1Api);
    await core.createNamespace({ body: { metadata: { name: namespace } } });
  });
  const configMap = (name: string, labels: Record<string, string> = {}): V1ConfigMap => ({
    metadata: { name, namespace, labels },
    data: { k: "v" },
  });

  it("creates, reads, replaces, patches and deletes typed objects", async () => {
    const made = await core.createNamespacedConfigMap({ namespace, body: configMap("one") });
    expect(made.metadata?.creationTimestamp).toBeInstanceOf(Date);
    const replaced = await core.replaceNamespacedConfigMap({
      namespace,
      name: "one",
      body: { ...made, data: { k: "w" } },
    });
    expect(replaced.data).toEqual({ k: "w" });
    const patched = await core.patchNamespacedConfigMap(
      { namespace, name: "one", body: [{ op: "add", path: "/data/l", value: "x" }] },
      setHeaderOptions("Content-Type", PatchStrategy.JsonPatch),
    );
    expect(patched.data).toEqual({ k: "w", l: "x" });
    expect(await core.deleteNamespacedConfigMap({ namespace, name: "one" })).toMatchObject({ status: "Success" });
    await expect(core.readNamespacedConfigMap({ namespace, name: "one" })).rejects.toMatchObject({ code: 404 });
  });

  it("applies on the server's side and scales", async () => {
    const apps = config.makeApiClient(AppsV1Api);
    const body: V1Deployment = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web" },
      spec: {
        selector: { matchLabels: { app: "web" } },
        template: {
          metadata: { labels: { app: "web" } },
          spec: { containers: [{ name: "c", image: "x:1", ports: [{ containerPort: 80 }] }] },
        },
      },
    };
    const applied = await apps.patchNamespacedDeployment(
      { namespace, name: "web", body, fieldManager: "js", force: true },
      setHeaderOptions("Content-Type", PatchStrategy.ServerSideApply),
    );
    expect(applied.metadata?.managedFields?.map(({ manager, operation }) => `${manager} ${operation}`)).toEqual([
      "js Apply",
    ]);
    const scale = await apps.readNamespacedDeploymentScale({ namespace, name: "web" });
    const scaled = await apps.replaceNamespacedDeploymentScale({
      namespace,
      name: "web",
      body: { ...scale, spec: { replicas: 5 } },
    });
    expect(scaled.spec?.replicas).toBe(5);
  });

  it("watches what happens after a list", async () => {
    const { metadata } = await core.listNamespacedConfigMap({ namespace });
    const events: string[] = [];
    const three = Promise.withResolvers<void>();
    const watch = new Watch(config);
    const aborter = await watch.watch(
      `/api/v1/namespaces/${namespace}/configmaps`,
      { resourceVersion: metadata?.resourceVersion ?? "", allowWatchBookmarks: true },
      (phase: string, object: KubernetesObject) => {
        events.push(`${phase} ${object.metadata?.name}`);
        if (events.length === 3) three.resolve();
      },
      (error: unknown) => three.reject(error instanceof Error ? error : new Error(String(error))),
    );
    await core.createNamespacedConfigMap({ namespace, body: configMap("two") });
    await core.replaceNamespacedConfigMap({ namespace, name: "two", body: { ...configMap("two"), data: {} } });
    await core.deleteNamespacedConfigMap({ namespace, name: "two" });
    await three.promise;
    aborter.abort();
    expect(events).toEqual(["ADDED two", "MODIFIED two", "DELETED two"]);
  });

  it("keeps an informer's cache", async () => {
    const informer = makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, () =>
      core.listNamespacedConfigMap({ namespace }),
    );
    const added = Promise.withResolvers<void>();
    informer.on("add", (object) => object.metadata?.name === "three" && added.resolve());
    await informer.start();
    await core.createNamespacedConfigMap({ namespace, body: configMap("three") });
    await added.promise;
    expect(informer.get("three", namespace)?.data).toEqual({ k: "v" });
    await informer.stop();
  });

  it("finds kinds by discovery and treats objects it has no types for", async () => {
    const objects = KubernetesObjectApi.makeApiClient(config);
    const made = await objects.create({
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: "l", namespace },
    });
    expect(made).toHaveProperty("metadata.uid");
    const custom = config.makeApiClient(CustomObjectsApi);
    const leases = (await custom.listNamespacedCustomObject({
      group: "coordination.k8s.io",
      version: "v1",
      namespace,
      plural: "leases",
    })) as { items: unknown[] };
    expect(leases.items).toHaveLength(1);
    expect(await objects.delete(made)).toMatchObject({ status: "Success" });
  });

  it("pages through a list", async () => {
    for (let index = 0; index < 5; index += 1)
      await core.createNamespacedConfigMap({ namespace, body: configMap(`page-${index}`, { page: "yes" }) });
    const names: string[] = [];
    let token: string | undefined;
    do {
      const page = await core.listNamespacedConfigMap({
        namespace,
        labelSelector: "page",
        limit: 2,
        ...(token !== undefined && { _continue: token }),
      });
      names.push(...page.items.map((item) => item.metadata?.name ?? ""));
      token = page.metadata?._continue;
    } while (token);
    expect(names).toEqual(["page-0", "page-1", "page-2", "page-3", "page-4"]);
  });
});
