// Property tests draw the same examples on every machine, so that a red run is about the change and can be repeated. To look further,
// draw others: `PROPERTY_SEED=$RANDOM npm test -- unit`.
import fc from "fast-check";

const given = process.env["PROPERTY_SEED"] ?? "20261121";
const seed = Number(given);
if (!Number.isSafeInteger(seed))
  throw new Error(`PROPERTY_SEED must be a whole number, found ${JSON.stringify(given)}`);
fc.configureGlobal({ seed });
