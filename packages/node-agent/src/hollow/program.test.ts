import { expect, test } from "vitest";
import { hollowProgram } from "./program.ts";

const program = (...command: string[]) => hollowProgram({ command, args: [], env: [] });

test("a simulated container runs for ever unless its words say that it ends", () => {
  expect(program("nginx", "-g", "daemon off;")).toEqual({});
  expect(program("/bin/sleep", "3600")).toEqual({ endsAfterMs: 3_600_000 });
  expect(program("sleep", "infinity")).toEqual({});
  expect(program("false")).toEqual({ endsAfterMs: 0, exitCode: 1 });
  expect(program("sh", "-c", "echo hello; sleep 2 && exit 3")).toEqual({
    stdout: "hello\n",
    endsAfterMs: 2000,
    exitCode: 3,
  });
  expect(program("sh", "-c", "while true; do sleep 1; done")).toEqual({ stdout: "" });
});

test("its environment decides before its words", () => {
  const env = ["COXSWAIN_HOLLOW_ENDS_AFTER=5s", "COXSWAIN_HOLLOW_EXIT_CODE=2"];
  expect(hollowProgram({ command: ["nginx"], args: [], env })).toEqual({ endsAfterMs: 5000, exitCode: 2 });
});
