// `npm run images`: builds the project's images and gives them to the Docker Engine of this machine.
import { findDocker } from "./cluster/docker.ts";
import { Failure, runScript } from "./cluster/failure.ts";
import { buildImages, loadImages } from "./cluster/images.ts";
import { layoutOf } from "./cluster/layout.ts";
import { parseDataDir } from "./cluster/options.ts";

await runScript(async () => {
  const { imageDir } = layoutOf(parseDataDir(process.argv.slice(2)));
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const images = await buildImages(imageDir, say);
  const docker = await findDocker();
  if (!docker) throw new Failure("no Docker Engine answers; `npm start` brings one");
  await loadImages(docker.socket, images, say);
  for (const image of images) say(`${image.reference}  ${image.id}`);
});
