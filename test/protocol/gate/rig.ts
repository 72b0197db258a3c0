// What the tests of the gate stand on: a control plane with a namespace in which there is something to protect, and what it counts of refusals.
import type { ControlPlane } from "../control-plane.ts";
import { startControlPlane } from "../control-plane.ts";

export const unauthorized = { status: 401, message: "Unauthorized", reason: "Unauthorized" };
export const pods = "/api/v1/namespaces/shop/pods";

export async function startGate(flags: readonly string[] = []): Promise<ControlPlane> {
  const plane = await startControlPlane({ flags });
  await plane.must(["create", "namespace", "shop"]);
  // No controllers run here that would make the first.
  for (const account of ["default", "web"]) await plane.must(["create", "serviceaccount", account, "-n", "shop"]);
  return plane;
}

/** How many requests were refused at a stage for a reason. */
export async function refusalsOf(plane: ControlPlane, stage: string, reason: string): Promise<number> {
  const metrics = (await plane.call("GET", "/metrics")).text;
  const line = new RegExp(
    `^apiserver_refused_requests_total\\{.*stage="${stage}",reason="${reason}".*\\} (\\d+)$`,
    "m",
  );
  return Number(line.exec(metrics)?.[1] ?? 0);
}
