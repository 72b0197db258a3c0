// Pods that do not come from the API: manifests in a directory, behind a URL and posted to the agent, with mirrors in a
// real API; and all of them while there is no API.
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startControlPlane } from "./control-plane.ts";
import { startNode, testImage, whyNoContainers } from "./node.ts";

const absence = whyNoContainers();
const within = { timeout: 30_000, interval: 100 };

const manifest = (name: string, words: string): string => `
apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  labels: {app: ${name}}
spec:
  hostNetwork: true
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: ${testImage}
    command: [sh, -c, "trap 'exit 0' TERM; echo ${words}; while :; do sleep 0.1; done"]
`;

test.skipIf(absence !== undefined)(
  `manifests run as pods, with mirrors, with and without an API${absence === undefined ? "" : ` (skipped: ${absence})`}`,
  async () => {
    let answer = { status: 200, text: manifest("fetched", "from a url") };
    const asked: (string | undefined)[] = [];
    const web = createServer((request, response) => {
      asked.push(request.headers["x-token"]?.toString());
      response.writeHead(answer.status).end(answer.text);
    });
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    await using plane = await startControlPlane();
    const folder = join(plane.dir, "manifests");
    mkdirSync(folder);
    await using node = await startNode(plane, {
      flags: [
        `--pod-manifest-path=${folder}`,
        `--manifest-url=http://127.0.0.1:${(web.address() as AddressInfo).port}/pod`,
        "--manifest-url-header=X-Token:secret",
        "--http-check-frequency=200ms",
      ],
    });
    const running = (pod: string): readonly string[] =>
      node.containers({ "io.kubernetes.pod.name": `${pod}-${node.name}`, "io.kubernetes.container.name": "main" });
    const mirror = async (pod: string): Promise<Record<string, string>> => {
      const path =
        "{.metadata.uid} {.status.phase} {.metadata.annotations.kubernetes\\.io/config\\.source} {.metadata.ownerReferences[0].name}";
      const found = await plane.kubectl(["get", "pod", `${pod}-${node.name}`, "-o", `jsonpath=${path}`]);
      const [uid = "", phase = "", source = "", owner = ""] = found.code === 0 ? found.stdout.split(" ") : [];
      return { uid, phase, source, owner };
    };

    // From the URL, with the headers.
    await expect
      .poll(() => mirror("fetched"), within)
      .toMatchObject({ phase: "Running", source: "http", owner: node.name });
    expect(asked[0]).toBe("secret");

    // A file comes: a pod, a mirror, its log through the API.
    writeFileSync(join(folder, "web.yaml"), manifest("web", "first"));
    await expect
      .poll(() => mirror("web"), within)
      .toMatchObject({ phase: "Running", source: "file", owner: node.name });
    expect(await plane.must(["logs", `web-${node.name}`])).toBe("first\n");

    // The mirror is deleted: it comes back, the container goes on.
    const before = { container: running("web"), mirror: (await mirror("web")).uid };
    await plane.must(["delete", "pod", `web-${node.name}`, "--wait=false"]);
    await expect.poll(async () => (await mirror("web")).uid, within).not.toBe(before.mirror);
    await expect.poll(async () => (await mirror("web")).phase, within).toBe("Running");
    expect(running("web")).toEqual(before.container);

    // Half a manifest and nonsense from the URL stop nothing.
    writeFileSync(join(folder, "web.yaml"), "apiVersion: v1\nkind: Pod\nspec: {containers: [");
    answer = { status: 200, text: "nonsense: [" };
    await expect.poll(() => node.log().includes("a manifest cannot be used"), within).toBe(true);
    await expect.poll(() => node.log().includes("the manifest could not be fetched"), within).toBe(true);
    expect(running("web")).toEqual(before.container);
    expect(running("fetched")).toHaveLength(1);

    // A changed manifest: the old pod ends before the new one begins.
    writeFileSync(join(folder, ".web.new"), manifest("web", "second"));
    renameSync(join(folder, ".web.new"), join(folder, "web.yaml"));
    await expect.poll(async () => (await plane.kubectl(["logs", `web-${node.name}`])).stdout, within).toBe("second\n");
    expect(running("web")).toHaveLength(1);

    // Posted to the agent; refused when it makes no sense or needs the API.
    const posted = await node.ask("POST", "/pods", manifest("posted", "by hand"));
    expect(posted).toMatchObject({ status: 201, text: JSON.stringify({ accepted: [`default/posted-${node.name}`] }) });
    expect(await node.ask("POST", "/pods", manifest("Bad_Name", "x"))).toMatchObject({ status: 422 });
    const needy = manifest("needy", "x").replace("hostNetwork: true", "serviceAccountName: somebody");
    expect(await node.ask("POST", "/pods", needy)).toEqual({
      status: 422,
      text: "static pods can not reference serviceaccounts\n",
    });
    await expect.poll(() => mirror("posted"), within).toMatchObject({ phase: "Running", source: "http" });

    // No API, and the agent dies: what runs goes on, a new manifest runs, a posted one is remembered.
    await plane.servers[0]?.stop("SIGKILL");
    const kept = [...running("web"), ...running("posted")];
    await node.stop("SIGKILL");
    answer = { status: 200, text: manifest("fetched", "from a url") };
    writeFileSync(join(folder, "late.yaml"), manifest("late", "without an API"));
    await node.start();
    await expect.poll(() => running("late").length, within).toBe(1);
    expect([...running("web"), ...running("posted")]).toEqual(kept);
    rmSync(join(folder, "web.yaml"));
    await expect.poll(() => running("web").length, within).toBe(0);

    // The API is back: mirrors are as the pods are.
    await plane.servers[0]?.restart();
    await expect.poll(() => mirror("late"), within).toMatchObject({ phase: "Running" });
    await expect.poll(async () => (await mirror("web")).uid, within).toBe("");
    expect(await node.ask("DELETE", `/pods/default/posted-${node.name}`)).toMatchObject({ status: 200 });
    await expect.poll(async () => (await mirror("posted")).uid, within).toBe("");
    expect(running("posted")).toEqual([]);
    expect(await node.ask("DELETE", `/pods/default/..%2f..%2fweb`)).toMatchObject({ status: 404 });
    web.closeAllConnections();
    await new Promise((resolve) => web.close(resolve));
  },
  120_000,
);
