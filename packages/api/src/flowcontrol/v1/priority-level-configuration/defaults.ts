/** Defaults of flow control: shares and queues of a level, the precedence of a schema. */
import type { FlowSchema, PriorityLevelConfiguration } from "../types.ts";
import { fill } from "../../../fill.ts";

export function defaultPriorityLevel(level: PriorityLevelConfiguration): void {
  const exempt = level.spec?.exempt;
  if (exempt !== undefined) fill(exempt, { nominalConcurrencyShares: 0, lendablePercent: 0 });
  const limited = level.spec?.limited;
  if (limited === undefined) return;
  fill(limited, { nominalConcurrencyShares: 30, lendablePercent: 0 });
  const queuing = limited.limitResponse?.queuing;
  if (queuing === undefined) return;
  queuing.queues ||= 64;
  queuing.handSize ||= 8;
  queuing.queueLengthLimit ||= 50;
}

export function defaultFlowSchema(schema: FlowSchema): void {
  if (schema.spec !== undefined) schema.spec.matchingPrecedence ||= 1000;
}
