// The many other controllers, each by one thing that it does for whoever uses kubectl.
import { strict as assert } from "node:assert";
import { eventually, run } from "../cluster.ts";
import { deployment, idle, pod, service, shellContainer } from "../demos/props.ts";
import { apply, kubectl, ready } from "../demos/stage.ts";
import type { Demo, Stage } from "../demos/stage.ts";
import { becomes, events, field } from "./look.ts";

export const many: Demo = {
  challenge: "jobs, times, owners, budgets, quotas, mirrors, certificates, collectors",
  async play(stage) {
    // What takes time begins first.
    const ghost = pod("ghost", [shellContainer(idle)], { nodeName: "no-such-node" });
    const tick = {
      apiVersion: "batch/v1",
      kind: "CronJob",
      metadata: { name: "tick" },
      spec: { schedule: "* * * * *", jobTemplate: { spec: { template: once("true") } } },
    };
    await apply(stage, ghost, tick);
    for (const play of [jobs, owners, budget, quota, mirror, certificate]) await play(stage);
    await becomes("the CronJob's first Job", /SawCompletedJob .*Saw completed job: tick-\d+, condition: Complete/, () =>
      events(stage, "cronjob/tick"),
    );
    stage.say("CronJob: the full minute has brought a Job, which is complete");
    await kubectl(stage, ["wait", "--for=delete", "pod/ghost", "--timeout=90s"]);
    stage.say("pod collection: a pod of a node that does not exist has gone");
  },
};

const once = (script: string) => ({
  metadata: { labels: { app: "once" } },
  spec: { restartPolicy: "Never", containers: [shellContainer(script)] },
});

async function jobs(stage: Stage): Promise<void> {
  const spec = {
    completions: 4,
    parallelism: 2,
    completionMode: "Indexed",
    ttlSecondsAfterFinished: 3,
    template: once("true"),
  };
  await apply(stage, { apiVersion: "batch/v1", kind: "Job", metadata: { name: "sums" }, spec });
  await kubectl(stage, ["wait", "--for=condition=complete", "job/sums", "--timeout=90s"]);
  await kubectl(stage, ["wait", "--for=delete", "job/sums", "--timeout=60s"]);
  await eventually("its pods have gone with it", 60_000, async () =>
    (await field(stage, "{.items[*].metadata.name}", "pods", "-l", "batch.kubernetes.io/job-name=sums")) === ""
      ? true
      : undefined,
  );
  await apply(stage, {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "vain" },
    spec: { backoffLimit: 1, template: once("exit 1") },
  });
  await kubectl(stage, ["wait", "--for=condition=failed", "job/vain", "--timeout=90s"]);
  assert.match(
    await events(stage, "job/vain"),
    /Warning +BackoffLimitExceeded .*Job has reached the specified backoff limit/,
  );
  stage.say("Job: four indexes completed, gone after their time; one in vain says that it gave up");
}

async function owners(stage: Stage): Promise<void> {
  await apply(stage, deployment("owner", 1, [shellContainer(idle)]));
  await ready(stage, "app=owner", 1);
  await kubectl(stage, ["delete", "deployment", "owner", "--cascade=orphan"]);
  assert.equal(await field(stage, "{.items[*].metadata.ownerReferences}", "rs", "-l", "app=owner"), "");
  await ready(stage, "app=owner", 1);
  await kubectl(stage, ["delete", "rs", "-l", "app=owner", "--cascade=foreground", "--timeout=60s"]);
  assert.equal(await field(stage, "{.items[*].metadata.name}", "pods", "-l", "app=owner"), "");
  stage.say("garbage collector: orphaned once, then deleted with all that was owned, before the owner went");
}

async function budget(stage: Stage): Promise<void> {
  await apply(stage, deployment("kept", 2, [shellContainer(idle)]));
  await kubectl(stage, ["create", "pdb", "kept", "--selector=app=kept", "--min-available=2"]);
  const [first] = await ready(stage, "app=kept", 2);
  await becomes("the budget", "2 0", () =>
    field(stage, "{.status.currentHealthy} {.status.disruptionsAllowed}", "pdb", "kept"),
  );
  const eviction = JSON.stringify({
    apiVersion: "policy/v1",
    kind: "Eviction",
    metadata: { name: first?.metadata.name, namespace: stage.namespace },
  });
  const path = `/api/v1/namespaces/${stage.namespace}/pods/${first?.metadata.name}/eviction`;
  const evict = () => stage.cluster.kubectl(["create", "--raw", path, "-f", "-"], eviction);
  assert.match((await evict()).stderr, /Cannot evict pod as it would violate the pod's disruption budget/);
  await kubectl(stage, ["scale", "deployment", "kept", "--replicas=3"]);
  await becomes("the budget", "3 1", () =>
    field(stage, "{.status.currentHealthy} {.status.disruptionsAllowed}", "pdb", "kept"),
  );
  assert.equal((await evict()).code, 0);
  stage.say("disruption budget: an eviction is refused while two of two are needed, and allowed with three");
}

async function quota(stage: Stage): Promise<void> {
  await kubectl(stage, ["create", "quota", "few", "--hard=services=1"]);
  await becomes("the quota", "0", () => field(stage, "{.status.used.services}", "quota", "few"));
  await apply(stage, service("one", { app: "kept" }));
  const second = await stage.cluster.kubectl([
    "-n",
    stage.namespace,
    "create",
    "service",
    "clusterip",
    "two",
    "--tcp=80",
  ]);
  assert.match(second.stderr, /exceeded quota: few, requested: services=1, used: services=1, limited: services=1/);
  await kubectl(stage, ["delete", "service", "one"]);
  await becomes("the quota", "0", () => field(stage, "{.status.used.services}", "quota", "few"));
  await kubectl(stage, ["delete", "quota", "few"]);
  stage.say("quota: the second Service is refused, and what is deleted is given back");
}

async function mirror(stage: Stage): Promise<void> {
  const { selector: _, ...spec } = service("outside", {}).spec;
  await apply(
    stage,
    { apiVersion: "v1", kind: "Service", metadata: { name: "outside" }, spec },
    {
      apiVersion: "v1",
      kind: "Endpoints",
      metadata: { name: "outside" },
      subsets: [{ addresses: [{ ip: "192.0.2.7" }], ports: [{ port: 8080 }] }],
    },
  );
  await becomes("the mirrored slice", "192.0.2.7 endpointslicemirroring-controller.k8s.io", () =>
    field(
      stage,
      "{.items[*].endpoints[*].addresses[*]} {.items[*].metadata.labels.endpointslice\\.kubernetes\\.io/managed-by}",
      ...["endpointslices", "-l", "kubernetes.io/service-name=outside"],
    ),
  );
  stage.say("mirroring: Endpoints that somebody wrote by hand have their slice");
}

async function certificate(stage: Stage): Promise<void> {
  const name = `${stage.namespace}-request`;
  const { stdout } = await run("openssl", [
    "req",
    "-new",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-keyout",
    "/dev/null",
    "-subj",
    "/CN=somebody",
  ]);
  await stage.cluster.must(
    ["apply", "-f", "-"],
    JSON.stringify({
      apiVersion: "certificates.k8s.io/v1",
      kind: "CertificateSigningRequest",
      metadata: { name },
      spec: {
        request: Buffer.from(stdout).toString("base64"),
        signerName: "kubernetes.io/kube-apiserver-client",
        usages: ["client auth"],
      },
    }),
  );
  await stage.cluster.must(["certificate", "approve", name]);
  await becomes("the certificate", /^LS0tLS1CRUdJTi/, () =>
    stage.cluster.must(["get", "csr", name, "-o", "jsonpath={.status.certificate}"]),
  );
  await stage.cluster.must(["delete", "csr", name]);
  stage.say("certificates: a request that is approved is signed");
}
