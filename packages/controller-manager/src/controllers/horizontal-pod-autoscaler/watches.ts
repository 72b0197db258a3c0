// An autoscaler wakes when its spec changes; all else it looks at by the clock, since metrics do not announce themselves.
import type { HorizontalPodAutoscaler } from "@coxswain/api/autoscaling/v2";
import { objectKey } from "@coxswain/apimachinery";
import type { Informer } from "@coxswain/controller";
import { wakeOn } from "../../loop/controller.ts";
import type { Watch } from "../../loop/controller.ts";
import { sameJson } from "../../loop/same-json.ts";

export function autoscalerWatches(autoscalers: Informer<HorizontalPodAutoscaler>): readonly Watch[] {
  return [
    wakeOn(autoscalers, (autoscaler, event) =>
      event.type === "updated" && sameJson(event.old.spec, event.object.spec) ? [] : [objectKey(autoscaler)],
    ),
  ];
}
