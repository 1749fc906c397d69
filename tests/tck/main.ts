/**
 * `npm run tck:dsp`: the Dataspace Protocol's own compatibility kit against a real node. Whatever
 * is missing on this machine is said, and the last line then reads `0 passed, 0 failed, 67
 * skipped`; that is no pass. Otherwise it reads `N passed, N failed`, and one failure is an error.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dspPath } from "../../src/wire/dsp/messages.ts";
import { freePort } from "../free-port.ts";
import { openConnector } from "./connector.ts";
import { openHooks } from "./hooks.ts";
import { findKit, type Report, runKit } from "./kit.ts";
import { kitAddress, kitParticipant, kitProperties } from "./properties.ts";

const casesOfKit = 67;
/** The kit opens its door for a message only after it has read the answer to its own. */
const pauseMs = 250;

const folder = await mkdtemp(join(tmpdir(), "comity-tck-"));
try {
  const found = await findKit(folder);
  if ("missing" in found) {
    say(`The kit does not run: ${found.missing}.`);
    say("See CONTRIBUTING.md for what it needs.");
    say(`0 passed, 0 failed, ${casesOfKit} skipped`);
  } else {
    process.exitCode = tell(await run(found.classpath));
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function run(classpath: string): Promise<Report> {
  const kitPort = await freePort();
  const peer = { did: kitParticipant, url: kitAddress(kitPort), identity: "mock" } as const;
  const connector = await openConnector({ folder: join(folder, "node"), peer, pauseMs });
  const hooks = await openHooks(connector);
  try {
    const properties = kitProperties({
      participant: connector.did,
      baseUrl: connector.url,
      dspUrl: `${connector.url}${dspPath}`,
      hooksUrl: hooks.url,
      kitPort,
      offerOf: (dataset) => connector.offerOf(dataset),
    });
    return await runKit(classpath, folder, properties, say);
  } finally {
    await hooks.close();
    await connector.close();
  }
}

/** Prints what failed, then the sum; what the process is to end with. */
function tell({ verdicts, output, problem }: Report): number {
  const failed = verdicts.filter(({ passed }) => !passed);
  const passed = verdicts.length - failed.length;
  if (problem !== undefined || process.argv.includes("--verbose")) say(output);
  if (failed.length > 0) say("\nFailures:");
  for (const { id, problem: why } of failed) say(`  ${id}  ${why}`);
  if (problem !== undefined) say(problem);
  const missing = casesOfKit - verdicts.length;
  if (missing > 0) say(`${missing} of ${casesOfKit} cases were not run`);
  say(`${passed} passed, ${failed.length + Math.max(0, missing)} failed`);
  return passed === casesOfKit && problem === undefined ? 0 : 1;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
