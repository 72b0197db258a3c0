// Three kinds of test: `unit` beside the sources (milliseconds, no outside world beyond the file system), and under test/ `protocol` (daemons with
// marks, bridges and ports of their own, two files at a time) and `system` (whole clusters, which have the machine to themselves), which
// `scripts/test.ts` prepares a machine for.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Tests that say they may run side by side start containers: two cores bear three of them.
    maxConcurrency: 3,
    projects: [
      {
        test: {
          name: "unit",
          include: ["packages/*/{src,testing}/**/*.test.ts", "scripts/**/*.test.ts", "test/house/**/*.test.ts"],
          setupFiles: ["test/property-seed.ts"],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          // Many wait for processes more than they compute; the default leaves one of two cores to nobody.
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: "protocol",
          include: ["test/protocol/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: "system",
          include: ["test/system/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
