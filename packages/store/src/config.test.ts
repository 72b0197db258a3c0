// The store's flags: what they mean together, what they may not say, and the file they may come from. In etcd's words where it has some.
import { UsageError, parseFlags } from "@coxswain/daemon";
import { describe, expect, it } from "vitest";
import { parseConfigFile } from "./config-file.ts";
import { flags, parseConfig } from "./config.ts";
import type { StoreConfig } from "./config.ts";
import { unusedFlags } from "./flags.ts";

const config = (...argv: string[]): StoreConfig => parseConfig(parseFlags(flags, argv));
const tls = ["--cert-file=c", "--key-file=k"];

describe("the store's flags", () => {
  it("make a member of its own without any", () => {
    expect(config()).toMatchObject({
      name: "default",
      dataDir: "default.etcd",
      advertiseClientUrls: ["http://localhost:2379"],
      initial: { members: [{ name: "default", peerUrls: ["http://localhost:2380"] }], state: "new" },
      clientTls: undefined,
      tlsLimits: { minVersion: "TLSv1.2" },
      auth: { token: { kind: "simple" }, tokenTtlMs: 300_000, bcryptCost: 10 },
      unused: [],
    });
  });

  it("name what changes nothing, when it was asked for", () => {
    expect(config("--max-wals=3", "--pre-vote=true", "--grpc-keepalive-interval=2h").unused).toEqual(["max-wals"]);
    expect(unusedFlags).toContain("log-outputs");
  });

  it("switch features by etcd's gates", () => {
    const { corruptCheck, unused } = config("--feature-gates=InitialCorruptCheck=true,CompactHashCheck=true");
    expect([corruptCheck.initial, unused]).toEqual([true, ["feature-gates=CompactHashCheck"]]);
    expect(config().corruptCheck.initial).toBe(false);
  });

  it("ask clients and peers for a certificate as soon as an authority is named", () => {
    const { clientTls, peerTls } = config(
      ...[...tls, "--trusted-ca-file=a", "--peer-cert-file=c", "--peer-key-file=k", "--peer-trusted-ca-file=a"],
    );
    expect(clientTls).toMatchObject({ requireClientCertificate: true, namesUsers: false });
    expect(peerTls).toMatchObject({ requireClientCertificate: true });
    expect(config(...tls).clientTls).toMatchObject({ requireClientCertificate: false });
    expect(config(...tls, "--trusted-ca-file=a", "--client-cert-auth").clientTls).toMatchObject({ namesUsers: true });
  });

  it("take Go's names of cipher suites", () => {
    const suites =
      "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,TLS_AES_256_GCM_SHA384";
    expect(config(`--cipher-suites=${suites}`, "--tls-max-version=TLS1.3").tlsLimits).toEqual({
      minVersion: "TLSv1.2",
      maxVersion: "TLSv1.3",
      ciphers: "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:TLS_AES_256_GCM_SHA384",
    });
  });

  it.each([
    [["--election-timeout=60000"], "--election-timeout[60000ms] is too long, and should be set less than 50000ms"],
    [
      ["--election-timeout=400"],
      "--election-timeout[400ms] should be at least as 5 times as --heartbeat-interval[100ms]",
    ],
    [
      ["--name=a", "--initial-cluster=b=http://127.0.0.1:1"],
      `couldn't find local name "a" in the initial cluster configuration`,
    ],
    [
      ["--initial-advertise-peer-urls=http://127.0.0.1:5", "--initial-cluster=default=http://127.0.0.1:6"],
      "--initial-cluster has http://127.0.0.1:6 but missing from --initial-advertise-peer-urls=http://127.0.0.1:5",
    ],
    [
      ["--listen-client-urls=https://0.0.0.0:2379", ...tls],
      "--advertise-client-urls is required when --listen-client-urls is set explicitly",
    ],
    [["--initial-cluster-state=old"], `--initial-cluster-state must be "new" or "existing", found "old"`],
    [["--client-cert-auth"], "--client-cert-auth needs --trusted-ca-file"],
    [["--cert-file=c"], "--cert-file and --key-file are needed together"],
    [["--client-crl-file=r", ...tls], "--client-crl-file needs --trusted-ca-file"],
    [
      ["--listen-client-urls=http://10.0.0.1:2379"],
      "--listen-client-urls: http://10.0.0.1:2379 is plain text and not on this machine; use https",
    ],
    [
      ["--listen-metrics-urls=https://127.0.0.1:1"],
      "--listen-metrics-urls: https://127.0.0.1:1 needs a certificate and a key",
    ],
    [["--cipher-suites=RC4"], `--cipher-suites: unexpected TLS cipher suite "RC4"`],
    [["--tls-min-version=TLS1.0"], `--tls-min-version: expected TLS1.2 or TLS1.3, found "TLS1.0"`],
    [
      ["--tls-min-version=TLS1.3", "--tls-max-version=TLS1.2"],
      "--tls-min-version (TLS1.3) is newer than --tls-max-version (TLS1.2)",
    ],
    [["--auth-token=jwt,sign-method=ES256"], "--auth-token: priv-key or pub-key is needed"],
    [["--bcrypt-cost=3"], "--bcrypt-cost: expected 4 to 31, found 3"],
    [["--enable-v2"], "--enable-v2: the v2 API is not served"],
    [["--feature-gates=Nope=true"], "--feature-gates: unrecognized feature gate: Nope"],
    [["--feature-gates=AllBeta"], `--feature-gates: expected name=true or name=false, found "AllBeta"`],
    [["--host-whitelist=a"], "--host-whitelist: only * is supported"],
  ])("refuse %j in one sentence", (argv, message) => {
    expect(() => config(...argv)).toThrow(new UsageError(message));
  });
});

describe("the configuration file", () => {
  it("has etcd's names, with the files of TLS in sections of their own", () => {
    const text = `
name: m1
listen-client-urls: https://127.0.0.1:1,https://127.0.0.1:2
max-txn-ops: 64
enable-grpc-gateway: false
cors: [https://a, https://b]
wal-dir:
client-transport-security:
  cert-file: c
  client-cert-auth: true
peer-transport-security:
  cert-file: p
`;
    expect(Object.fromEntries(parseConfigFile(text))).toEqual({
      name: "m1",
      "listen-client-urls": "https://127.0.0.1:1,https://127.0.0.1:2",
      "max-txn-ops": "64",
      "enable-grpc-gateway": "false",
      cors: "https://a,https://b",
      "cert-file": "c",
      "client-cert-auth": "true",
      "peer-cert-file": "p",
    });
  });

  it.each([[""], ["[1]"], ["a: {b: 1}"], ["client-transport-security: 5"], ["a: 'x"]])("refuses %j", (text) => {
    expect(() => parseConfigFile(text)).toThrow(UsageError);
  });
});
