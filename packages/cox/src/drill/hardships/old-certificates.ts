// Every certificate of a machine is issued anew as if it had been made so long ago that it ends in so many seconds; lifting issues them for
// today, as a renewal does. The daemons are told nothing: they look at their files.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "@coxswain/clock";
import {
  authorityNames,
  leafValidityMs,
  openAuthority,
  planControlPlaneCertificates,
  planNodeCertificates,
} from "@coxswain/pki";
import type { PlannedCertificate } from "@coxswain/pki";
import { isDue } from "../../machine/certificates.ts";
import { cluster } from "../../machine/daemons.ts";
import { writeWhole } from "../../machine/files.ts";
import { X509Certificate } from "node:crypto";
import type { Ground, HardshipHand } from "../ground.ts";
import { always, machineOf } from "../ground.ts";

export const oldCertificates: HardshipHand = {
  available: always,
  impose: (ground, machine, seconds) =>
    issue(ground, machine, { ...ground.clock, now: () => ground.clock.now() - leafValidityMs + seconds * 1000 }, true),
  lift: (ground, machine) => issue(ground, machine, ground.clock, false),
};

async function issue(ground: Ground, name: string, clock: Clock, evenGood: boolean): Promise<void> {
  const pki = join(ground.dataDir, "pki");
  for (const authorityName of authorityNames) {
    const authority = await openAuthority(
      {
        certificate: readFileSync(join(pki, `${authorityName}.crt`), "utf8"),
        key: readFileSync(join(pki, `${authorityName}.key`), "utf8"),
      },
      clock,
    );
    for (const planned of plannedOf(ground, name).filter((each) => each.authority === authorityName)) {
      const file = join(pki, name, `${planned.name}.crt`);
      if (!evenGood && !isDue(new X509Certificate(readFileSync(file)), clock.now())) continue;
      const { certificate, key } = await authority.issue(planned.request);
      writeWhole(join(pki, name, `${planned.name}.key`), key, 0o600);
      writeWhole(file, certificate, 0o644);
    }
  }
}

function plannedOf(ground: Ground, name: string): readonly PlannedCertificate[] {
  const { address, master, worker } = machineOf(ground, name);
  const control = planControlPlaneCertificates({
    hosts: [name, "localhost", "127.0.0.1", address],
    kubernetesServiceAddress: cluster.kubernetesServiceAddress,
    clusterDomain: cluster.domain,
  });
  return [...(master ? control : []), ...(worker ? planNodeCertificates(name, [address]) : [])];
}
