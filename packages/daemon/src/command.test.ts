import { describe, expect, it } from "vitest";
import { defineCommand, describeCommand, describeCommands, findCommand } from "./command.ts";
import { defineFlags } from "./flags.ts";

const status = defineCommand({
  name: "snapshot status",
  summary: "Says what is in a snapshot.",
  takes: ["FILE"],
  flags: defineFlags({ "write-out": { type: "string", short: "w", default: "simple", help: "How to print" } }),
  run: async () => undefined,
});
const recover = defineCommand({
  name: "recover",
  summary: "Makes one member of what is left.",
  takes: ["DIR..."],
  flags: {},
  run: async () => undefined,
});
const commands = [status, recover];

describe("commands", () => {
  it("are none where only flags stand", () => {
    expect(findCommand(commands, {}, ["--name", "a"])).toBeUndefined();
    expect(findCommand(commands, {}, [])).toBeUndefined();
  });

  it("are found by their words, with flags before and behind their arguments", () => {
    expect(findCommand(commands, {}, ["snapshot", "status", "a.db", "-w", "json"])).toEqual({
      command: status,
      flags: { "write-out": "json" },
      given: ["a.db"],
    });
    expect(findCommand(commands, {}, ["snapshot", "status", "--write-out=table", "a.db"])?.given).toEqual(["a.db"]);
    expect(findCommand(commands, {}, ["recover", "a", "b"])?.given).toEqual(["a", "b"]);
  });

  it.each([
    [["snapshot"], 'unknown command "snapshot": expected "snapshot status", "recover"'],
    [["snapshot", "status"], '"snapshot status" takes FILE, found none'],
    [["snapshot", "status", "a", "b"], '"snapshot status" takes FILE, found a b'],
    [["recover"], '"recover" takes DIR..., found none'],
    [["snapshot", "status", "a", "-x"], 'unknown shorthand flag: "x" in -x'],
  ])("refuse %j", (argv, message) => {
    expect(() => findCommand(commands, {}, argv)).toThrow(message);
  });

  it("are described", () => {
    expect(describeCommands(commands)).toBe(
      "\nCommands:\n  snapshot status FILE   Says what is in a snapshot.\n  recover DIR...         Makes one member of what is left.\n",
    );
    expect(describeCommand("store", status, {})).toBe(
      "Says what is in a snapshot.\n\nUsage: store snapshot status FILE [flags]\n\nFlags:\n  -w, --write-out string   How to print (default simple)\n",
    );
  });
});
