// Bounds how many requests are under way. Watches and streams do not count; `system:masters` always gets in, so that an
// overloaded server can still be mended. Beyond the limit: 429 with Retry-After. No queues, no fairness among users: it is what there is with
// `--enable-priority-and-fairness=false`, in place of `io/fairness`.
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { Metrics } from "@coxswain/daemon";
import { isLongRunning, isReading } from "./core/request-info.ts";
import type { metricTable } from "./metrics.ts";
import type { FlowControl } from "./pipeline.ts";

export interface FlowLimits {
  /** `--max-requests-inflight` */
  readonly reading: number;
  /** `--max-mutating-requests-inflight` */
  readonly mutating: number;
}

export function createFlowControl(limits: FlowLimits, metrics: Metrics<typeof metricTable>): FlowControl {
  const underWay = { readOnly: 0, mutating: 0 };
  return {
    enter({ info, user }) {
      if (isLongRunning(info)) return () => undefined;
      const kind = isReading(info) ? "readOnly" : "mutating";
      const limit = kind === "readOnly" ? limits.reading : limits.mutating;
      if (underWay[kind] >= limit && !user.groups.includes("system:masters")) {
        metrics.refused.inc({ request_kind: kind });
        throw new StatusError(statuses.tooManyRequests("Too many requests, please try again later.", 1));
      }
      underWay[kind] += 1;
      metrics.inflight.set(underWay[kind], { request_kind: kind });
      let left = false;
      return () => {
        if (left) return;
        left = true;
        underWay[kind] -= 1;
        metrics.inflight.set(underWay[kind], { request_kind: kind });
      };
    },
  };
}
