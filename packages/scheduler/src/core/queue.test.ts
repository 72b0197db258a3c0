import { describe, expect, test } from "vitest";
import { defaultProfile } from "./profile.ts";
import { SchedulingQueue } from "./queue.ts";
import type { NodeView, PodView } from "./resources.ts";

const pod = (name: string, priority = 0, spec: object = {}): PodView => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "d", uid: name },
  spec: { containers: [], priority, ...spec },
});
const node: NodeView = {
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: "n" },
  status: { allocatable: { cpu: "1", pods: "10" } },
};

function queueOf(...pods: PodView[]): SchedulingQueue {
  const queue = new SchedulingQueue([defaultProfile()]);
  for (const one of pods) queue.set(one, 0);
  return queue;
}

describe("SchedulingQueue", () => {
  test("gives higher priorities first, then the older", () => {
    const queue = queueOf(pod("a"), pod("b", 10), pod("c"), pod("d", 10));
    expect([1, 2, 3, 4, 5].map(() => queue.pop(0)?.key)).toEqual(["d/b", "d/d", "d/a", "d/c", undefined]);
  });

  test("lets a pod without a node wait for an event that its rules say may help", () => {
    const queue = queueOf(pod("a"));
    queue.pop(0);
    queue.unschedulable("d/a", new Set(["NodeResourcesFit"]), 0);
    expect(queue.wake({ type: "pod-placed", pod: pod("x") }, 5000)).toBe(0);
    expect(queue.pop(5000)).toBeUndefined();
    expect(queue.wake({ type: "node-added", node }, 5000)).toBe(1);
    expect(queue.pop(5000)).toMatchObject({ key: "d/a", attempts: 2 });
  });

  test("holds a woken pod back for a pause that doubles with its attempts, to ten seconds", () => {
    const queue = queueOf(pod("a"));
    const pauses = [];
    for (let attempt = 0, now = 0; attempt < 6; attempt++) {
      queue.pop(now);
      queue.unschedulable("d/a", new Set(["NodeResourcesFit"]), now);
      queue.wake({ type: "node-added", node }, now);
      expect(queue.pop(now)).toBeUndefined();
      const next = queue.wakeAt() ?? 0;
      pauses.push(next - now);
      now = next;
    }
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000]);
  });

  test("tries an unschedulable pod again after five minutes without any event", () => {
    const queue = queueOf(pod("a"));
    queue.pop(0);
    queue.unschedulable("d/a", new Set(["NodeAffinity"]), 0);
    expect(queue.wakeAt()).toBe(300_000);
    expect(queue.pop(299_999)).toBeUndefined();
    expect(queue.pop(300_000)?.key).toBe("d/a");
  });

  test("keeps a gated pod out until its last gate is gone", () => {
    const queue = queueOf(pod("a", 0, { schedulingGates: [{ name: "wait" }] }));
    expect(queue.pop(0)).toBeUndefined();
    expect(queue.counts()).toEqual({ active: 0, backoff: 0, unschedulable: 0, gated: 1 });
    queue.set(pod("a"), 1);
    expect(queue.pop(1)?.key).toBe("d/a");
  });

  test("forgets a removed pod, also one that lies in its active part, and takes its successor of the same name as new", () => {
    const queue = queueOf(pod("a"));
    queue.remove("d/a");
    queue.set({ ...pod("a"), metadata: { name: "a", namespace: "d", uid: "second" } }, 0);
    expect(queue.pop(0)).toMatchObject({ attempts: 1, pod: { metadata: { uid: "second" } } });
    expect(queue.pop(0)).toBeUndefined();
  });
});
