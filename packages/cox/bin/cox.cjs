#!/usr/bin/env node
// Where the command line starts: from its bundle (`npm run bundle`), which starts in half the time, as long as the bundle was made of the
// sources as they are now; else from the sources. CommonJS, because Node's loader for modules alone would cost a tenth of the start.
"use strict";
const { enableCompileCache } = require("node:module");
const { readFileSync, statSync } = require("node:fs");
const { join } = require("node:path");

// Before anything of weight is loaded, so that it is compiled once and not at each call.
enableCompileCache();
const project = join(__dirname, "..", "..", "..");
const bundle = join(__dirname, "..", "dist", "main.cjs");

/** True when no source is newer than the bundle, or of another size than it was. */
function isOfTheseSources() {
  const made = statSync(bundle, { throwIfNoEntry: false })?.mtimeMs;
  if (made === undefined) return false;
  const sources = JSON.parse(readFileSync(join(__dirname, "..", "dist", "sources.json"), "utf8"));
  return Object.entries(sources).every(([path, size]) => {
    const found = statSync(`${project}/${path}`, { throwIfNoEntry: false });
    return found !== undefined && found.size === size && found.mtimeMs <= made;
  });
}

if (isOfTheseSources()) require(bundle);
else void import("../src/main.ts");
