import { parseFlags } from "@coxswain/daemon";
import { expect, it } from "vitest";
import { flagTable, readConfig } from "./config.ts";

const needed = ["--etcd-servers=http://s:2379", "--tls-cert-file=c", "--tls-private-key-file=k"];

it.each([
  [[], true],
  [["--anonymous-auth=false"], false],
  [["--authorization-mode=RBAC,AlwaysAllow"], false],
  [["--authorization-mode=AlwaysAllow", "--anonymous-auth=true"], false],
])("strangers are served with %j: %j", (flags, wanted) => {
  expect(readConfig(parseFlags(flagTable, [...needed, ...flags])).anonymousAuth).toBe(wanted);
});
