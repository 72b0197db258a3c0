// `npm run image`: builds the product's image from this machine's own files, without a registry, and gives it to the Docker Engine here.
// With --archive FILE it is written where other machines can `docker load` it, together with the pods' images.
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { findDocker } from "./cluster/docker.ts";
import { Failure, runScript } from "./cluster/failure.ts";
import { buildImages, loadImages } from "./cluster/images.ts";
import { defaultDataDir, layoutOf } from "./cluster/layout.ts";
import { buildProductImage } from "./cluster/product-image.ts";

const usage = `npm run image                      build ours and the pods' images and load them into this machine's Docker
npm run image -- --output DIR      also put the archives there: copy them to other machines and \`docker load -i\` each
Options: --data-dir DIR (where builds are kept)`;

await runScript(async () => {
  const { values } = parse();
  if (values.help) return void process.stdout.write(`${usage}\n`);
  const { imageDir } = layoutOf(values["data-dir"] === undefined ? defaultDataDir : resolve(values["data-dir"]));
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const images = [await buildProductImage(imageDir, say), ...(await buildImages(imageDir, say))];
  if (values.output !== undefined) {
    const target = resolve(values.output);
    mkdirSync(target, { recursive: true });
    for (const { archive, reference } of images) {
      const file = join(target, `${reference.replace(/[/:]/g, "_")}.tar`);
      mkdirSync(dirname(file), { recursive: true });
      copyFileSync(archive, file);
      say(file);
    }
  }
  const docker = await findDocker();
  if (!docker && values.output === undefined) throw new Failure("no Docker Engine answers on this machine");
  if (docker) await loadImages(docker.socket, images, say);
  for (const { reference, id } of images) say(`${reference}  ${id}`);
});

function parse() {
  try {
    return parseArgs({
      options: { "data-dir": { type: "string" }, output: { type: "string" }, help: { type: "boolean" } },
    });
  } catch (cause) {
    throw new Failure((cause as Error).message.split(". To specify", 1)[0] ?? "", { cause });
  }
}
