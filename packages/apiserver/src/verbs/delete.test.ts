import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { configMaps, deafen, deployment, deployments, merge, pod, pods } from "../../testing/bodies.ts";
import type { TestAnswer, TestApi } from "../../testing/test-api.ts";
import { createTestApi } from "../../testing/test-api.ts";

let api: TestApi;
beforeEach(() => (api = createTestApi()));
afterEach(() => api.stop());

describe("delete", () => {
  it("delete removes what nothing holds and says what it was", async () => {
    const { body } = await api.send("POST", configMaps, { metadata: { name: "c" } });
    const answer = await api.send("DELETE", `${configMaps}/c`);
    expect(answer.body).toMatchObject({
      kind: "Status",
      status: "Success",
      details: { name: "c", kind: "configmaps", uid: body.metadata.uid },
    });
    expect((await api.send("GET", `${configMaps}/c`)).code).toBe(404);
  });

  it("delete leaves a running pod its grace; a second one with none removes it", async () => {
    await api.send("POST", pods, pod("a"));
    await api.send("POST", `${pods}/a/binding`, {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name: "a" },
      target: { kind: "Node", name: "n" },
    });
    const first = await api.send("DELETE", `${pods}/a`);
    expect(first.body.metadata).toMatchObject({
      deletionTimestamp: "2026-01-01T00:00:30Z",
      deletionGracePeriodSeconds: 30,
      generation: 2,
    });
    const second = await api.send("DELETE", `${pods}/a`);
    expect(second.body.metadata.resourceVersion).toBe(first.body.metadata.resourceVersion);
    const last = await api.send("DELETE", `${pods}/a?gracePeriodSeconds=0`);
    expect(last.body).toMatchObject({ kind: "Pod", metadata: { name: "a" } });
    expect((await api.send("GET", `${pods}/a`)).code).toBe(404);
  });

  it("delete waits for finalizers; the update that takes the last one removes the object", async () => {
    await api.send("POST", configMaps, { metadata: { name: "c", finalizers: ["example.com/x"] } });
    const { body } = await api.send("DELETE", `${configMaps}/c`);
    expect(body.metadata.deletionTimestamp).toBe("2026-01-01T00:00:00Z");
    await api.send("PATCH", `${configMaps}/c`, { metadata: { finalizers: null } }, merge);
    expect((await api.send("GET", `${configMaps}/c`)).code).toBe(404);
  });

  it.each([
    ["Foreground", ["foregroundDeletion"]],
    ["Orphan", ["orphan"]],
  ])("delete with propagation policy %s leaves it to the garbage collector", async (policy, finalizers) => {
    await api.send("POST", deployments, deployment(1));
    const { body } = await api.send("DELETE", `${deployments}/web`, {
      kind: "DeleteOptions",
      apiVersion: "v1",
      propagationPolicy: policy,
    });
    expect(body.metadata.finalizers).toEqual(finalizers);
  });

  it("delete with the wrong uid is a conflict", async () => {
    const { uid } = (await api.send("POST", configMaps, { metadata: { name: "c" } })).body.metadata;
    const { code, body } = await api.send("DELETE", `${configMaps}/c`, { preconditions: { uid: "other" } });
    expect([code, body.message]).toEqual([
      409,
      `Operation cannot be fulfilled on ConfigMap "c": the UID in the precondition (other) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
    ]);
  });

  it("delete answers 202 to orphanDependents=false while something holds the object", async () => {
    await api.send("POST", configMaps, { metadata: { name: "free" } });
    await api.send("POST", configMaps, { metadata: { name: "held", finalizers: ["example.com/x"] } });
    const remove = async (name: string, query: string): Promise<number> =>
      (await api.send("DELETE", `${configMaps}/${name}?${query}`)).code;
    expect(await remove("free", "orphanDependents=false")).toBe(200);
    expect(await remove("held", "orphanDependents=false&dryRun=All")).toBe(202);
    expect(await remove("held", "orphanDependents=false")).toBe(202);
    expect(await remove("held", "orphanDependents=false")).toBe(202);
    expect(await remove("held", "propagationPolicy=Background")).toBe(200);
  });

  it("deletions begin with what is in memory, and what speaks against them is asked of the store when that is newer", async () => {
    const made = (name: string, finalizers: string[] = []): object => ({ metadata: { name, finalizers } });
    for (const name of ["plain", "held", "again"]) await api.send("POST", configMaps, made(name));
    await api.send("POST", configMaps, made("going", ["example.com/x"]));
    await api.send("DELETE", `${configMaps}/going`);
    deafen(api);
    await api.send("GET", configMaps);
    const { get } = api.storage;
    const reads: string[] = [];
    api.storage.get = (key) => {
      reads.push(key);
      return get(key);
    };
    const remove = (name: string, body?: object): Promise<TestAnswer> =>
      api.send("DELETE", `${configMaps}/${name}`, body);
    expect([(await remove("plain")).code, (await remove("plain")).code]).toEqual([200, 404]);
    // Memory has not heard of the finalizer.
    await api.send("PUT", `${configMaps}/held`, made("held", ["example.com/x"]));
    const { body } = await remove("held");
    expect(body.metadata).toMatchObject({ finalizers: ["example.com/x"], deletionTimestamp: "2026-01-01T00:00:00Z" });
    // Nor that there is another one by this name.
    const { uid } = (await api.send("GET", `${configMaps}/again`)).body.metadata;
    await remove("again");
    const other = (await api.send("POST", configMaps, made("again"))).body.metadata.uid;
    expect((await remove("again", { preconditions: { uid } })).code).toBe(409);
    expect((await remove("again", { preconditions: { uid: other } })).code).toBe(200);
    // Nor that what was on its way out has gone.
    await api.send("PATCH", `${configMaps}/going`, { metadata: { finalizers: null } }, merge);
    expect((await remove("going")).code).toBe(404);
    expect(reads).toEqual([]);
  });

  it("a namespace is Terminating until /finalize takes its finalizer", async () => {
    await api.send("POST", "/api/v1/namespaces", { metadata: { name: "n" } });
    const { body } = await api.send("DELETE", "/api/v1/namespaces/n");
    expect(body["status"]).toEqual({ phase: "Terminating" });
    expect(body.metadata).not.toHaveProperty("deletionGracePeriodSeconds");
    await api.send("PUT", "/api/v1/namespaces/n/finalize", { ...body, spec: {} });
    expect((await api.send("GET", "/api/v1/namespaces/n")).code).toBe(404);
  });

  it("deletecollection deletes what the selector picks", async () => {
    for (const [name, app] of [
      ["a", "x"],
      ["b", "y"],
    ] as const)
      await api.send("POST", configMaps, { metadata: { name, labels: { app } } });
    await api.send("DELETE", `${configMaps}?labelSelector=app=x`);
    expect((await api.send("GET", configMaps)).body.items?.map(({ metadata }) => metadata.name)).toEqual(["b"]);
  });

  it("deletecollection deletes a page when it is asked for one, and nothing where a list would fail", async () => {
    for (const name of ["a", "b", "c"]) await api.send("POST", configMaps, { metadata: { name } });
    const names = async (): Promise<unknown> =>
      (await api.send("GET", configMaps)).body.items?.map(({ metadata }) => metadata.name);
    const { code, body } = await api.send("DELETE", `${configMaps}?limit=2`);
    expect([code, body.items?.map(({ metadata }) => metadata.name), await names()]).toEqual([200, ["a", "b"], ["c"]]);
    expect(body.metadata).toMatchObject({ continue: expect.stringMatching(/./), remainingItemCount: 1 });
    expect((await api.send("DELETE", `${configMaps}?continue=garbage`)).code).toBe(400);
    expect((await api.send("DELETE", `${configMaps}?resourceVersion=1&resourceVersionMatch=NotOlderThan`)).code).toBe(
      409,
    );
    expect(await names()).toEqual(["c"]);
  });

  it("preconditions may stand in the query of a deletion without body", async () => {
    await api.send("POST", configMaps, { metadata: { name: "a" } });
    for (const query of ["uid=other", "resourceVersion=1"])
      expect((await api.send("DELETE", `${configMaps}/a?${query}`)).body).toMatchObject({ code: 409 });
    expect((await api.send("GET", `${configMaps}/a`)).code).toBe(200);
  });

  it("who creates what is leaving is told so", async () => {
    await api.send("POST", configMaps, { metadata: { name: "a", finalizers: ["x.y/z"] } });
    await api.send("DELETE", `${configMaps}/a`);
    const { body } = await api.send("POST", configMaps, { metadata: { name: "a" } });
    expect([body.reason, body.message]).toEqual([
      "AlreadyExists",
      'object is being deleted: configmaps "a" already exists',
    ]);
  });
});
