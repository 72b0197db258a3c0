import { fieldErrorText } from "@coxswain/apimachinery";
import { expect, test } from "vitest";
import { complete } from "../../../../testing/index.ts";
import { validateCreate, validateUpdate } from "../../../index.ts";

const kind = { group: "", version: "v1", kind: "Pod" };
const mirror = "kubernetes.io/config.mirror";
const armor = "container.apparmor.security.beta.kubernetes.io/c";
const seccomp = "seccomp.security.alpha.kubernetes.io/pod";
const podOf = (annotations: object, spec: object = {}): ReturnType<typeof complete> =>
  complete(kind, {
    metadata: { name: "a", namespace: "default", annotations },
    spec: { containers: [{ name: "c", image: "x" }], ...spec },
  });
const profile = (name: string, type: string, localhostProfile?: string): object => ({
  securityContext: { [name]: { type, localhostProfile } },
});

test.each<[object, object, string[]]>([
  [{ [armor]: "runtime/default", [seccomp]: "localhost/a/b" }, {}, []],
  [
    { [armor.replace(/c$/, "d")]: "strict" },
    {},
    [
      `metadata.annotations[${armor.replace(/c$/, "d")}]: Invalid value: "d": container not found`,
      `metadata.annotations[${armor.replace(/c$/, "d")}]: Invalid value: "strict": invalid AppArmor profile name: "strict"`,
    ],
  ],
  [{ [seccomp]: "x" }, {}, [`metadata.annotations.${seccomp}: Invalid value: "x": must be a valid seccomp profile`]],
  [
    { [seccomp]: "localhost/../x" },
    {},
    [`metadata.annotations.${seccomp}: Invalid value: "../x": must not contain '..'`],
  ],
  [
    { "scheduler.alpha.kubernetes.io/tolerations": '[{"key":"k","operator":"x"}]' },
    {},
    [
      'metadata.annotations.scheduler.alpha.kubernetes.io/tolerations[0].operator: Unsupported value: "x": supported values: "Equal", "Exists"',
    ],
  ],
  ...[
    ["x", "invalid character 'x' looking for beginning of value"],
    ["1", "json: cannot unmarshal number into Go value of type []core.Toleration"],
    ['[null,{"key":1}]', "json: cannot unmarshal number into Go struct field Toleration.key of type string"],
  ].map(([text, words]): [object, object, string[]] => [
    { "scheduler.alpha.kubernetes.io/tolerations": text },
    {},
    [`metadata.annotations: Invalid value: "scheduler.alpha.kubernetes.io/tolerations": ${words}`],
  ]),
  [
    { [seccomp]: "unconfined" },
    profile("seccompProfile", "RuntimeDefault"),
    ["spec.securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match"],
  ],
  [
    { [armor]: "localhost/a" },
    profile("appArmorProfile", "Localhost", "b"),
    [
      "spec.containers[0].securityContext.appArmorProfile.localhostProfile: Forbidden: apparmor profile in annotation and field must match",
    ],
  ],
])("a new pod with %j is judged", (annotations, spec, messages) => {
  expect(validateCreate(kind, podOf(annotations, spec)).map(fieldErrorText)).toEqual(messages);
});

test.each(["", "status"])("what mirrors and confines a pod does not change, through %j", (subresource) => {
  const [old, next] = [{ [mirror]: "1", [armor]: "runtime/default" }, { [armor]: "unconfined" }];
  const said = (after: object, before: object): string[] =>
    validateUpdate(kind, podOf(after, { nodeName: "n" }), podOf(before, { nodeName: "n" }), subresource).map(
      fieldErrorText,
    );
  expect(said(next, old)).toEqual([
    `metadata.annotations[${armor}]: Forbidden: may not remove or update AppArmor annotations`,
    `metadata.annotations[${mirror}]: Forbidden: may not remove or update mirror pod annotation`,
  ]);
  expect(said({ [mirror]: "1" }, {})).toEqual([
    `metadata.annotations[${mirror}]: Forbidden: may not add mirror pod annotation`,
  ]);
});
