/** Table of pod disruption budgets. */
import { ageOf, printer, type TablePrinter } from "../../table.ts";
import type { PodDisruptionBudget } from "./types.ts";

export const podDisruptionBudgetTable: TablePrinter<PodDisruptionBudget> = printer(
  ["Min Available", "Max Unavailable", "Allowed Disruptions#", "Age"],
  (budget, now) => [
    String(budget.spec?.minAvailable ?? "N/A"),
    String(budget.spec?.maxUnavailable ?? "N/A"),
    budget.status?.disruptionsAllowed ?? 0,
    ageOf(budget, now),
  ],
);
