// Makes ranges of service addresses ready, and lets them go when their last address has gone.
import { ipAddresses, serviceCIDRs } from "@coxswain/api/networking/v1";
import type { ReconcileResult } from "@coxswain/controller";
import { createLoop } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { withFinalizer, withoutFinalizer } from "../../ownership/finalizers.ts";
import { planServiceCidr, rangeFinalizer } from "./plan.ts";
import type { ReadonlyServiceCidr, ServiceCidrAction } from "./plan.ts";
import { serviceCidrWatches } from "./watches.ts";

export function createServiceCidrController(ports: ControllerPorts): Controller {
  const { client, informers, clock, log } = ports;
  const ranges = informers.serviceCidrs();
  const addresses = informers.ipAddresses();
  const rangeClient = client.resource(serviceCIDRs);
  const addressClient = client.resource(ipAddresses);
  const events = ports.events("service-cidr-controller");

  const reconcile = async (key: string, signal: AbortSignal): Promise<ReconcileResult | void> => {
    const range = ranges.get(key);
    if (range === undefined) return;
    const others = ranges.list().filter((other) => other !== range);
    const view = { range, others, nowMs: clock.now() };
    let plan = planServiceCidr({ ...view, addresses: addresses.list() });
    // The cache may not know an address that was given out a moment ago; what is let go cannot be taken back.
    if (plan.actions.some(({ kind }) => kind === "let-go"))
      plan = planServiceCidr({ ...view, addresses: (await addressClient.list({ signal })).items });
    const [action] = plan.actions; // each changes the range, whose next version brings the next
    if (action !== undefined) {
      log.info(
        { controller: "service-cidr", object: key, action: action.kind, because: plan.because },
        "changing a range",
      );
      await act(range, action, signal);
    }
    return { wakeAfterMs: plan.wakeAfterMs };
  };

  const act = async (range: ReadonlyServiceCidr, action: ServiceCidrAction, signal: AbortSignal): Promise<void> => {
    switch (action.kind) {
      case "hold":
        await rangeClient.update(withFinalizer(range, rangeFinalizer), { signal });
        return;
      case "let-go":
        await rangeClient.update(withoutFinalizer(range, rangeFinalizer), { signal });
        return;
      case "set-conditions": {
        const status = { ...range.status, conditions: action.conditions };
        await rangeClient.update({ ...range, status }, { subresource: "status", signal });
        const left = action.conditions.find(({ type, status: holds }) => type === "Ready" && holds === "False");
        if (left) events.record(range, "Warning", "Terminating", left.message);
      }
    }
  };

  return createLoop(
    { name: "service-cidr", watches: serviceCidrWatches(ranges, addresses), reconcile, concurrency: 1 },
    ports,
  );
}
