import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readEnvFile } from "./env-file.ts";

describe("a file in a pod's volume", () => {
  let around = "";
  let volume = "";
  beforeAll(async () => {
    around = await mkdtemp(join(tmpdir(), "coxswain-env-file-"));
    volume = join(around, "volume");
    await mkdir(join(volume, "sub"), { recursive: true });
    await writeFile(join(around, "secret.env"), "KEY='outside'");
    await writeFile(join(volume, "secret.env"), "KEY='inside'");
    await writeFile(join(volume, "sub", "app.env"), "KEY='value'");
    await symlink("sub/app.env", join(volume, "relative.env"));
    await symlink("/sub/app.env", join(volume, "absolute.env"));
    await symlink("../../../secret.env", join(volume, "sub", "up.env"));
    await symlink(join(around, "secret.env"), join(volume, "out.env"));
    await symlink("round.env", join(volume, "round.env"));
    execFileSync("mkfifo", [join(volume, "pipe")]);
    await writeFile(join(volume, "large"), Buffer.alloc((1 << 20) + 1, "#"));
  });
  afterAll(() => rm(around, { recursive: true, force: true }));

  test.each([
    ["sub/app.env", "KEY='value'"],
    ["relative.env", "KEY='value'"],
    ["absolute.env", "KEY='value'"],
    ["sub/up.env", "KEY='inside'"],
  ])("%s is read, links as if the volume were all there is", async (path, text) => {
    expect(await readEnvFile(volume, path)).toEqual({ path: join(volume, path), text });
  });

  test.each(["none.env", "none/app.env", "sub/app.env/x", "out.env"])("%s is missing", async (path) => {
    expect(await readEnvFile(volume, path)).toEqual({ path: join(volume, path), missing: true });
  });

  test.each([
    ["round.env", "too many links in "],
    ["pipe", "is not a file"],
    ["sub", "is not a file"],
    ["large", "is larger than 1048576 bytes"],
  ])("%s cannot be read, and nobody waits for it", async (path, words) => {
    expect(await readEnvFile(volume, path)).toMatchObject({ unreadable: expect.stringContaining(words) });
  });
});
