// A short storm over one node; `npm run chaos` makes a long one.
import { expect, test } from "vitest";
import { runChaos } from "./chaos.ts";
import { whyNoContainers } from "./node.ts";

const absence = whyNoContainers();

test.skipIf(absence !== undefined)(
  `after kills of agent, engine, API and containers there are exactly the wanted pods, and then nothing${absence === undefined ? "" : ` (skipped: ${absence})`}`,
  async () => {
    const report = await runChaos({ forMs: 12_000, seed: 4, most: 4, mayHang: false, say: () => undefined });
    expect(report.violations).toEqual([]);
    expect(report.created).toBeGreaterThan(0);
  },
  400_000,
);
