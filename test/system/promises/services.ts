// Namespaces that say what remains, endpoints that follow readiness, accounts and their tokens.
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, run } from "../cluster.ts";
import { deployment, idle, pod, service, shellContainer, webContainer } from "../demos/props.ts";
import { apply, kubectl, podsOf, ready, shell } from "../demos/stage.ts";
import type { Demo, Stage } from "../demos/stage.ts";
import { becomes, field, follow } from "./look.ts";

export const emptied: Demo = {
  challenge: "deleting a namespace removes everything in it, and its conditions say what remains",
  async play(stage) {
    const { must } = stage.cluster;
    const name = `${stage.namespace}-full`;
    const inside = { ...stage, namespace: name };
    await must(["create", "namespace", name]);
    await apply(inside, deployment("web", 2, [webContainer()]), service("web", { app: "web" }));
    await kubectl(inside, ["create", "configmap", "held", "--from-literal=a=b"]);
    await kubectl(inside, ["patch", "configmap", "held", "-p", '{"metadata":{"finalizers":["example.com/held"]}}']);
    await ready(inside, "app=web", 2);
    await must(["delete", "namespace", name, "--wait=false"]);
    const condition = (type: string): Promise<string> =>
      must(["get", "namespace", name, "-o", `jsonpath={.status.conditions[?(@.type=="${type}")].message}`]);
    await becomes("what remains", "Some resources are remaining: configmaps. has 1 resource instances", () =>
      condition("NamespaceContentRemaining"),
    );
    await becomes(
      "what holds it",
      "Some content in the namespace has finalizers remaining: example.com/held in 1 resource instances",
      () => condition("NamespaceFinalizersRemaining"),
    );
    assert.equal(await must(["get", "namespace", name, "-o", "jsonpath={.status.phase}"]), "Terminating");
    const refused = await stage.cluster.kubectl(["-n", name, "create", "configmap", "late"]);
    assert.match(
      refused.stderr,
      /forbidden: unable to create new content in namespace \S+ because it is being terminated/,
    );
    await kubectl(inside, ["patch", "configmap", "held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}']);
    await must(["wait", "--for=delete", `namespace/${name}`, "--timeout=60s"]);
    stage.say("one held object is named, with what holds it; let go, the namespace has gone");
  },
};

export const following: Demo = {
  challenge: "Endpoints and EndpointSlices follow readiness within a second",
  async play(stage) {
    const probed = webContainer({
      readinessProbe: { exec: { command: ["test", "!", "-e", "/tmp/unwell"] }, periodSeconds: 1, failureThreshold: 1 },
    });
    await apply(stage, deployment("web", 3, [probed]), service("web", { app: "web" }));
    const [first] = await ready(stage, "app=web", 3);
    const name = first?.metadata.name ?? "";
    await using pods = await follow(
      stage,
      '{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}',
      "pods",
      "-l",
      "app=web",
    );
    await using slices = await follow(
      stage,
      // No range: kubectl carries it out for the first object only.
      "{.endpoints[*].targetRef.name}={.endpoints[*].conditions.ready}",
      ...["endpointslices", "-l", "kubernetes.io/service-name=web"],
    );
    await using endpoints = await follow(stage, "{.subsets[*].addresses[*].targetRef.name}", "endpoints", "web");
    await becomes("the endpoints", /^\S+ \S+ \S+$/, () =>
      field(stage, "{.subsets[*].addresses[*].targetRef.name}", "endpoints", "web"),
    );
    const took: number[] = [];
    for (const [act, is] of [
      ["touch /tmp/unwell", "False"],
      ["rm /tmp/unwell", "True"],
      ["touch /tmp/unwell", "False"],
      ["rm /tmp/unwell", "True"],
    ] as const) {
      const begun = performance.now();
      await shell(stage, name, act);
      const known = await pods.line(`${name} is ready: ${is}`, (text) => text === `${name} ${is}`, begun);
      const slice = await slices.line(
        `the slice says ${is}`,
        (text) => readyIn(text, name) === is.toLowerCase(),
        begun,
      );
      const old = await endpoints.line(
        `the endpoints say ${is}`,
        (text) => text.split(" ").includes(name) === (is === "True"),
        begun,
      );
      took.push(slice.at - known.at, old.at - known.at);
    }
    const longest = Math.max(...took);
    assert(longest < 1000, `${longest.toFixed(0)} ms after the pod's condition`);
    stage.say(`unwell and well, twice: the slowest ${longest.toFixed(0)} ms after the pod's own condition`);
  },
};

/** What "a b=true false" says of one of its names. */
function readyIn(text: string, name: string): string | undefined {
  const [names, verdicts] = text.split("=").map((part) => part.split(" "));
  return verdicts?.[names?.indexOf(name) ?? -1];
}

const minutes = 10;

/** Reads the token of the pod "asking". */
const tokenOf = (stage: Stage): Promise<string> => shell(stage, "asking", "cat /var/run/tokens/token");
const asking = pod(
  "asking",
  [shellContainer(idle, { volumeMounts: [{ name: "tokens", mountPath: "/var/run/tokens" }] })],
  {
    volumes: [
      {
        name: "tokens",
        projected: { sources: [{ serviceAccountToken: { path: "token", expirationSeconds: minutes * 60 } }] },
      },
    ],
  },
);

export const known: Demo = {
  challenge: "a new namespace has its default account; a pod's token says who it is, while the pod lives",
  async play(stage) {
    await becomes("the account", "default", () => field(stage, "{.metadata.name}", "serviceaccount", "default"));
    assert.match(await field(stage, "{.data.ca\\.crt}", "configmap", "kube-root-ca.crt"), /BEGIN CERTIFICATE/);
    await apply(stage, asking);
    await ready(stage, "app=asking", 1);
    const token = await tokenOf(stage);
    const user = `system:serviceaccount:${stage.namespace}:default`;
    assert.deepEqual(await whoAmI(stage, token), { code: 0, text: user });
    await kubectl(stage, ["delete", "pod", "asking", "--timeout=60s"]);
    await eventually("its token is worth nothing", 60_000, async () =>
      (await whoAmI(stage, token)).code === 0 ? undefined : true,
    );
    const asked = (await kubectl(stage, ["create", "token", "default", "--duration=10m"])).trim();
    assert.deepEqual(await whoAmI(stage, asked), { code: 0, text: user });
    await kubectl(stage, ["delete", "serviceaccount", "default"]);
    await becomes("the account, again", "default", () => field(stage, "{.metadata.name}", "serviceaccount", "default"));
    await eventually("the token of the account of before is worth nothing", 60_000, async () =>
      (await whoAmI(stage, asked)).code === 0 ? undefined : true,
    );
    stage.say(
      "a projected token is its pod's name until the pod has gone; a deleted account is made again, its tokens are not",
    );
  },
};

export const renewed: Demo = {
  challenge: "a projected token is renewed before it ends (takes nine minutes)",
  async play(stage) {
    await apply(stage, asking);
    await ready(stage, "app=asking", 1);
    const [first, begun] = [await tokenOf(stage), performance.now()];
    await eventually("another token", minutes * 60_000, async () => {
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      return (await tokenOf(stage)) === first ? undefined : true;
    });
    const tookSeconds = (performance.now() - begun) / 1000;
    // At four fifths of its life; sooner only if the agent was started anew.
    assert.ok(tookSeconds > minutes * 60 * 0.6, `renewed after ${tookSeconds.toFixed(0)} s`);
    assert.equal((await whoAmI(stage, await tokenOf(stage))).code, 0);
    assert.equal((await podsOf(stage, "app=asking"))[0]?.status.containerStatuses?.[0]?.restartCount, 0);
    stage.say(`renewed after ${tookSeconds.toFixed(0)} of ${minutes * 60} s, in the running container`);
  },
};

/** Who the API server takes the bearer for. */
async function whoAmI({ cluster }: Stage, token: string): Promise<{ readonly code: number; readonly text: string }> {
  const config = JSON.parse(await cluster.must(["config", "view", "--raw", "-o", "json"])) as {
    users: { user: object }[];
  };
  for (const user of config.users) user.user = { token };
  const directory = mkdtempSync(join(tmpdir(), "coxswain-token-"));
  try {
    const file = join(directory, "kubeconfig");
    writeFileSync(file, JSON.stringify(config));
    const words = ["--kubeconfig", file, "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"];
    const { code, stdout } = await run("kubectl", words);
    return { code, text: stdout };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
