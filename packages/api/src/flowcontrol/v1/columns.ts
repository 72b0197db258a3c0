/** Tables of flow control. */
import { ageOf, printer, type TablePrinter } from "../../table.ts";
import type { FlowSchema, PriorityLevelConfiguration } from "./types.ts";

export const flowSchemaTable: TablePrinter<FlowSchema> = printer(
  ["PriorityLevel", "MatchingPrecedence", "DistinguisherMethod", "Age", "MissingPL"],
  (schema, now) => {
    const dangling = schema.status?.conditions?.find(({ type }) => type === "Dangling")?.status;
    return [
      schema.spec?.priorityLevelConfiguration.name ?? "",
      schema.spec?.matchingPrecedence ?? 0,
      schema.spec?.distinguisherMethod?.type ?? "<none>",
      ageOf(schema, now),
      dangling ?? "?",
    ];
  },
);

export const priorityLevelTable: TablePrinter<PriorityLevelConfiguration> = printer(
  ["Type", "NominalConcurrencyShares", "Queues", "HandSize", "QueueLengthLimit", "Age"],
  (level, now) => {
    const limited = level.spec?.limited;
    const queuing = limited?.limitResponse?.queuing;
    const text = (value: number | undefined): string | number => value ?? "<none>";
    return [
      level.spec?.type ?? "",
      text(limited?.nominalConcurrencyShares),
      text(queuing?.queues),
      text(queuing?.handSize),
      text(queuing?.queueLengthLimit),
      ageOf(level, now),
    ];
  },
);
