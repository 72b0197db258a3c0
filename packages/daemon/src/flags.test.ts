import { describe, expect, it } from "vitest";
import { UsageError } from "./errors.ts";
import { defineFlags, describeFlags, flagsFromEnvironment, flagTexts, parseFlags } from "./flags.ts";

const table = defineFlags({
  "bind-address": { type: "string", default: "0.0.0.0", help: "Address to listen on" },
  "secure-port": { type: "number", default: 6443, help: "Port to listen on" },
  "leader-elect": { type: "boolean", default: true, help: "Elect a leader first" },
  "sync-period": { type: "duration", default: "30s", help: "How often" },
  "etcd-servers": { type: "list", help: "Stores" },
});

describe("parseFlags", () => {
  it("parseFlags gives every flag its default", () => {
    expect(parseFlags(table, [])).toEqual({
      "bind-address": "0.0.0.0",
      "secure-port": 6443,
      "leader-elect": true,
      "sync-period": 30_000,
      "etcd-servers": undefined,
    });
  });

  it("parseFlags takes values after = and in the next word, and repeated lists", () => {
    const argv = ["--secure-port=1", "--bind-address", "::", "--leader-elect=false", "--sync-period", "1m0.5s"];
    expect(parseFlags(table, [...argv, "--etcd-servers=a,b", "--etcd-servers=c"])).toEqual({
      "bind-address": "::",
      "secure-port": 1,
      "leader-elect": false,
      "sync-period": 60_500,
      "etcd-servers": ["a", "b", "c"],
    });
  });

  it.each([
    [["--sekure-port=1"], "unknown flag: --sekure-port"],
    [["--sekure-port", "1"], "unknown flag: --sekure-port"],
    [["--constructor"], "unknown flag: --constructor"],
    [["--secure-port"], "flag needs an argument: --secure-port"],
    [["--secure-port=x"], 'invalid argument "x" for "--secure-port" flag: expected a number'],
    [["--leader-elect=maybe"], 'invalid argument "maybe" for "--leader-elect" flag: expected true or false'],
    [
      ["--sync-period=10"],
      'invalid argument "10" for "--sync-period" flag: expected a duration such as "10s" or "1m30s"',
    ],
    [["stray"], 'unknown argument "stray": only flags are taken'],
    [["-x"], 'unknown shorthand flag: "x" in -x'],
  ])("parseFlags refuses %j", (argv, message) => {
    expect(() => parseFlags(table, argv)).toThrow(new UsageError(message));
  });

  it("parseFlags takes from elsewhere what the command line does not name", () => {
    const environment = { X_SECURE_PORT: "1", X_BIND_ADDRESS: "::", X_SYNC_PERIOD: "", X_OTHER: "?", SECURE_PORT: "2" };
    const elsewhere = flagsFromEnvironment(table, "X_", environment);
    expect(parseFlags(table, ["--secure-port=3"], elsewhere)).toEqual({
      "bind-address": "::",
      "secure-port": 3,
      "leader-elect": true,
      "sync-period": 30_000,
      "etcd-servers": undefined,
    });
    expect(() => parseFlags(table, [], new Map([["secure-port", "x"]]))).toThrow(UsageError);
    expect(() => parseFlags(table, [], new Map([["other", "x"]]))).toThrow(new UsageError("unknown flag: --other"));
  });

  it("parseFlags names a required flag that is missing", () => {
    const required = defineFlags({ kubeconfig: { type: "string", required: true, help: "Who we are" } });
    expect(() => parseFlags(required, [])).toThrow(new UsageError('required flag(s) "kubeconfig" not set'));
  });

  it("describeFlags prints one aligned line a flag", () => {
    const small = defineFlags({
      a: { type: "string", help: "First" },
      bcd: { type: "number", default: 1, help: "Second" },
    });
    expect(describeFlags(small)).toBe("  --a string     First\n  --bcd number   Second (default 1)");
  });
});

describe("flagTexts", () => {
  it("flagTexts writes values as pflag does", () => {
    const texts = flagTexts(table, parseFlags(table, ["--sync-period=1h1.5s", "--etcd-servers=a,b"]));
    expect(Object.fromEntries(texts)).toEqual({
      "bind-address": "0.0.0.0",
      "secure-port": "6443",
      "leader-elect": "true",
      "sync-period": "1h0m1.5s",
      "etcd-servers": "[a,b]",
    });
    expect(flagTexts(table, parseFlags(table, ["--sync-period=250ms"])).get("sync-period")).toBe("250ms");
    expect(flagTexts(table, parseFlags(table, [])).get("etcd-servers")).toBe("[]");
  });
});
