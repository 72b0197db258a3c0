/**
 * `npm run generate -- --types FILE --resources FILE`: turns the facts of a Kubernetes version into what packages/api needs: TypeScript types
 * and descriptors per group version, schema texts, the table of resources. The output is committed; nothing else reads the facts.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import * as prettier from "prettier";
import { doors, metaDoor, readFacts, readResources } from "./generate/facts.ts";
import { resourcesOf, resourcesText } from "./generate/resources.ts";
import { schemaIndexText, schemaText } from "./generate/schema.ts";
import { indexText, typesText } from "./generate/types.ts";

const { values } = parseArgs({ options: { types: { type: "string" }, resources: { type: "string" } } });
if (values.types === undefined || values.resources === undefined) {
  console.error("usage: npm run generate -- --types FILE --resources FILE");
  process.exitCode = 1;
} else {
  await generate(values.types, values.resources, join(import.meta.dirname, "../packages/api/src"));
}

async function generate(typesPath: string, resourcesPath: string, target: string): Promise<void> {
  const facts = readFacts(typesPath);
  const resources = readResources(resourcesPath);
  for (const door of doors) {
    await write(join(target, door.folder, "types.ts"), typesText(facts, door));
    await write(
      join(target, door.folder, "index.ts"),
      indexText(door, resourcesOf(resources, door.group, door.version)),
    );
    await write(join(target, door.folder, "schema.ts"), schemaText(facts, door));
  }
  await write(join(target, metaDoor.folder, "schema.ts"), schemaText(facts, metaDoor));
  await write(join(target, "schema-texts.ts"), schemaIndexText());
  await write(join(target, "resources.ts"), resourcesText(resources));
}

async function write(path: string, text: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const options = await prettier.resolveConfig(path);
  writeFileSync(path, await prettier.format(text, { ...options, parser: "typescript" }));
}
