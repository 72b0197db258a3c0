import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadKubeconfig } from "./load.ts";

let dir: string;
beforeAll(() => void (dir = mkdtempSync(join(tmpdir(), "kubeconfig-"))));
afterAll(() => rmSync(dir, { recursive: true }));

function write(name: string, text: string): string {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
}
const pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
const options = { userAgent: "test" };
const refusal = (path: string): string => {
  try {
    loadKubeconfig(path, options);
    return "accepted";
  } catch (error) {
    return (error as Error).message.replaceAll(dir, "DIR");
  }
};

describe("a kubeconfig", () => {
  it("gives servers, trust and credentials, with files relative to itself", () => {
    write("client.crt", pem);
    const path = write(
      "full",
      `current-context: c
contexts: [{ name: c, context: { cluster: k, user: u, namespace: team } }]
clusters:
- name: k
  cluster:
    server: https://10.0.0.1:6443
    certificate-authority-data: ${Buffer.from(pem).toString("base64")}
    extensions: [{ name: coxswain.io/servers, extension: { servers: ["https://10.0.0.2:6443"] } }]
users: [{ name: u, user: { client-certificate: client.crt, client-key: client.crt } }]
`,
    );
    expect(loadKubeconfig(path, options)).toEqual({
      servers: ["https://10.0.0.1:6443", "https://10.0.0.2:6443"],
      rereadServers: expect.any(Function),
      userAgent: "test",
      namespace: "team",
      ca: { data: pem },
      insecureSkipTlsVerify: false,
      cert: { file: join(dir, "client.crt") },
      key: { file: join(dir, "client.crt") },
    });
  });

  it("that has changed since says the new servers, once", () => {
    const text = (servers: string): string =>
      `current-context: c\ncontexts: [{ name: c, context: { cluster: k, user: u } }]\nusers: [{ name: u, user: {} }]\nclusters: [{ name: k, cluster: { server: "https://a", extensions: [{ name: coxswain.io/servers, extension: { servers: [${servers}] } }] } }]\n`;
    const path = write("grows", text(""));
    const { servers, rereadServers } = loadKubeconfig(path, options);
    const before = rereadServers?.();
    write("grows", text('"https://b"'));
    utimesSync(path, 1, 1);
    expect([servers, before, rereadServers?.(), rereadServers?.()]).toEqual([
      ["https://a"],
      undefined,
      ["https://a", "https://b"],
      undefined,
    ]);
  });

  it("of a list says what its first file says, and passes over what does not exist", () => {
    const first = write("first", "current-context: b\nusers: [{ name: u, user: { token: one } }]\n");
    const second = write(
      "second",
      "current-context: a\ncontexts: [{ name: b, context: { cluster: k, user: u } }]\nclusters: [{ name: k, cluster: { server: http://h } }]\nusers: [{ name: u, user: { token: two } }]\n",
    );
    expect(loadKubeconfig(`${dir}/missing:${first}:${second}`, options)).toMatchObject({
      servers: ["http://h"],
      token: { data: "one" },
    });
  });

  it("is refused in one sentence that says what was found", () => {
    const cluster =
      "clusters: [{ name: k, cluster: { server: 'https://h' } }]\ncontexts: [{ name: c, context: { cluster: k, user: u } }]\ncurrent-context: c\n";
    expect({
      missing: refusal(join(dir, "nothing")),
      broken: refusal(write("broken", "a: [1")),
      list: refusal(write("list", "clusters: 7")),
      context: refusal(write("context", "current-context: gone")),
      user: refusal(write("user", cluster)),
      exec: refusal(write("exec", `${cluster}users: [{ name: u, user: { exec: { command: aws } } }]`)),
      key: refusal(
        write(
          "key",
          `${cluster}users: [{ name: u, user: { client-certificate-data: ${Buffer.from(pem).toString("base64")} } }]`,
        ),
      ),
      server: refusal(write("server", cluster.replace("https://h", "h:6443") + "users: [{ name: u, user: {} }]")),
    }).toEqual({
      missing: "kubeconfig DIR/nothing does not exist",
      broken: expect.stringMatching(/^kubeconfig DIR\/broken is not YAML: /),
      list: "kubeconfig DIR/list: expected clusters to be a list, found 7",
      context: 'kubeconfig DIR/context has no context named "gone"',
      user: 'kubeconfig DIR/user has no user named "u"',
      exec: 'kubeconfig DIR/exec gets the credentials of user "u" from the command "aws", which is not supported',
      key: "a kubeconfig user has a client certificate without its key",
      server: 'kubeconfig DIR/server has a server address that is not an http(s) URL: "h:6443"',
    });
  });

  it("gets credentials from a plugin where the caller lets it run, and says what a plugin did instead of answering", () => {
    const plugin = (script: string): string =>
      write(
        "plugin",
        `current-context: c
contexts: [{ name: c, context: { cluster: k, user: u } }]
clusters: [{ name: k, cluster: { server: "https://h:1" } }]
users:
- name: u
  user:
    exec: { apiVersion: client.authentication.k8s.io/v1, command: /bin/sh, args: ["-c", ${JSON.stringify(script)}], env: [{ name: WHO, value: me }] }
`,
      );
    const answer = `echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"'$WHO'-t"}}'`;
    const plugins = { env: { PATH: "/bin:/usr/bin" }, interactive: false };
    expect(loadKubeconfig(plugin(answer), { ...options, plugins }).token).toEqual({ data: "me-t" });
    expect(() => loadKubeconfig(plugin("exit 3"), { ...options, plugins })).toThrow(
      "getting credentials: exec: executable /bin/sh failed with exit code 3",
    );
    expect(() => loadKubeconfig(plugin("echo nothing"), { ...options, plugins })).toThrow(
      'getting credentials: decoding stdout of /bin/sh: expected an ExecCredential, found "nothing\\n"',
    );
    expect(loadKubeconfig(plugin("exit 3"), { ...options, plugins, token: "mine" }).token).toEqual({ data: "mine" });
  });
});
