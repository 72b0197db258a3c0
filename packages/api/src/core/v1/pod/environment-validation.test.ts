import { expect, test } from "vitest";
import type { Volume } from "../types.ts";
import { validateEnv } from "./environment-validation.ts";
import { validateVolumes } from "./volume-validation.ts";

test("variables come from files only of volumes that the pod's own containers write", () => {
  const volumes: Volume[] = [
    { name: "own", emptyDir: {} },
    { name: "host", hostPath: { path: "/x" } },
  ];
  const from = (volumeName: string, path: string, key: string) => ({
    name: "A",
    valueFrom: { fileKeyRef: { volumeName, path, key, optional: true } },
  });
  const errors = validateEnv(
    [
      from("own", "a/b.env", "A"),
      from("none", "../b.env", "a=b"),
      from("host", "/b.env", "A"),
      from("own", "..b", "A"),
      from("", "", ""),
    ],
    validateVolumes(volumes, "spec.volumes", {}).sound,
    "env",
  );
  expect(errors.map(({ field, type, detail }) => `${field} ${type} ${detail}`.trim())).toEqual([
    "env[1].valueFrom.fileKeyRef.key FieldValueInvalid a valid environment variable name must consist only of printable ASCII characters other than '='",
    "env[1].valueFrom.fileKeyRef.volumeName FieldValueNotFound",
    "env[1].valueFrom.fileKeyRef.path FieldValueInvalid must not contain '..'",
    "env[2].valueFrom.fileKeyRef.volumeName FieldValueInvalid referenced volume must be of type emptyDir",
    "env[2].valueFrom.fileKeyRef.path FieldValueInvalid must be a relative path",
    "env[3].valueFrom.fileKeyRef.path FieldValueInvalid must not start with '..'",
    "env[4].valueFrom.fileKeyRef.key FieldValueRequired",
    "env[4].valueFrom.fileKeyRef.volumeName FieldValueRequired",
    "env[4].valueFrom.fileKeyRef.path FieldValueRequired",
  ]);
});
